import type { Request } from 'express';
import type { AccessToken, Accounts } from '../accounts.ts';
import { accessRoles } from './calendar-store.ts';
import type { AccessRole, Calendar, CalendarStore } from './calendar-store.ts';
import { forbidden, insufficientScope, notFound, unauthenticated } from './errors.ts';
import { standardParameter } from './parameters.ts';

const prefix = 'https://www.googleapis.com/auth/calendar';

/** Scopes that each group of methods takes, without their prefix. Source: each method's reference page. */
const methodScopes = {
  readEvents: [
    ['', '.readonly', '.events', '.events.readonly', '.events.owned', '.events.owned.readonly'],
    ['.app.created', '.events.freebusy', '.events.public.readonly'],
  ].flat(),
  writeEvents: ['', '.events', '.events.owned', '.app.created'],
  listCalendars: ['', '.readonly', '.calendarlist', '.calendarlist.readonly'],
  readCalendar: ['', '.readonly', '.calendars', '.calendars.readonly', '.app.created'],
  freeBusy: ['', '.readonly', '.freebusy', '.events.freebusy'],
  stopChannel: undefined,
} as const;

type MethodGroup = keyof typeof methodScopes;

/** Who calls, or a 401 or 403. */
export function authorize(req: Request, accounts: Accounts, group: MethodGroup): AccessToken {
  const header = req.get('authorization');
  const presented = header?.replace(/^Bearer +/i, '') ?? standardParameter(req, 'access_token');
  if (presented === undefined) throw unauthenticated('required');
  const access = accounts.accessTokens.get(presented);
  if (access === undefined || access.expiresAtMs <= Date.now()) throw unauthenticated('authError');
  const accepted: readonly string[] | undefined = methodScopes[group];
  const suffices = access.scopes.some((scope) =>
    accepted === undefined
      ? scope.startsWith(prefix)
      : scope.startsWith(prefix) && accepted.includes(scope.slice(prefix.length)),
  );
  if (!suffices) throw insufficientScope();
  return access;
}

/** The calendar as the caller has it in its list; `primary` is the caller's own. */
export function reachCalendar(
  store: CalendarStore,
  calendarId: string,
  { email }: AccessToken,
): Calendar {
  const calendar = store.calendars.get(calendarId === 'primary' ? email : calendarId);
  if (calendar === undefined || calendar.owner !== email) throw notFound();
  return calendar;
}

export function needRole({ accessRole }: Calendar, needed: AccessRole): void {
  if (accessRoles.indexOf(accessRole) >= accessRoles.indexOf(needed)) return;
  throw forbidden('requiredAccessLevel', `You need to have ${needed} access to this calendar.`);
}
