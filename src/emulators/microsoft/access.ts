import type { Request } from 'express';
import type { AccessToken, Accounts } from '../accounts.ts';
import { rawBody } from '../exchange.ts';
import { userIdOf } from './accounts.ts';
import type { Calendar, CalendarStore } from './calendar-store.ts';
import { GraphError, accessDenied, badRequest, invalidToken, notFound } from './errors.ts';

const writeScopes = ['Calendars.ReadWrite', 'Calendars.ReadWrite.Shared'];
const readScopes = ['Calendars.Read', 'Calendars.Read.Shared', ...writeScopes];

/** Scopes that each group of methods takes. Source: the permissions table of each method's page. */
const methodScopes = {
  read: readScopes,
  write: writeScopes,
  freeBusy: ['Calendars.ReadBasic', ...readScopes],
  profile: ['User.Read', 'User.ReadWrite', 'User.ReadBasic.All'],
} as const;

/** Who calls, or a 401 or 403. */
export function authorize(
  req: Request,
  accounts: Accounts,
  group: keyof typeof methodScopes,
): AccessToken {
  const access = presentedToken(req, accounts);
  if (access === undefined) throw invalidToken('Access token is empty.');
  if (access === 'unknown') throw invalidToken('IDX14100: the token is not well formed.');
  if (access.expiresAtMs <= Date.now()) {
    throw invalidToken('Lifetime validation failed, the token is expired.');
  }
  const user = req.params['user'];
  const own = [access.email.toLowerCase(), userIdOf(access.email), undefined];
  if (!own.includes(user?.toString().toLowerCase())) throw accessDenied();
  const accepted: readonly string[] = methodScopes[group];
  if (access.scopes.some((scope) => accepted.includes(scope))) return access;
  if (group !== 'profile') throw accessDenied();
  throw new GraphError(403, 'Authorization_RequestDenied', {
    message: 'Insufficient privileges to complete the operation.',
  });
}

export function presentedToken(
  req: Request,
  accounts: Accounts,
): AccessToken | 'unknown' | undefined {
  const token = /^Bearer +(.+)$/i.exec(req.get('authorization') ?? '')?.[1];
  return token === undefined ? undefined : (accounts.accessTokens.get(token) ?? 'unknown');
}

/** The calendar that a path names; without a name the account's default one. */
export function reachCalendar(
  store: CalendarStore,
  calendarId: string | undefined,
  { email }: AccessToken,
): Calendar {
  const calendar =
    calendarId === undefined ? defaultCalendar(store, email) : store.calendars.get(calendarId);
  if (calendar?.account !== email) throw notFound();
  return calendar;
}

export function defaultCalendar(store: CalendarStore, email: string): Calendar | undefined {
  return [...store.calendars.values()].find(
    ({ account, isDefault }) => account === email && isDefault,
  );
}

/** The request's body as a JSON object, or a 400. */
export function readJsonObject(req: Request): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(rawBody(req).toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest('RequestBodyRead', 'The body is not a JSON object.');
}

/** The calendar that a path of the control API names. */
export function controlledCalendar(store: CalendarStore, req: Request): Calendar {
  const calendar = store.calendars.get(String(req.params['calendarId']));
  if (calendar !== undefined) return calendar;
  throw new GraphError(404, 'ErrorItemNotFound', {
    message: 'No such calendar; PUT /control/microsoft/calendars/{id} makes one.',
  });
}
