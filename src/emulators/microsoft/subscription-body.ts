import { userIdOf } from './accounts.ts';
import { reachCalendar } from './access.ts';
import type { CalendarStore } from './calendar-store.ts';
import { sharedRefused } from './delta-errors.ts';
import { GraphError, badRequest } from './errors.ts';
import type { Body } from './event-body.ts';
import type { Subscription } from './subscriptions.ts';
import type { MicrosoftSwitches } from './switches.ts';
import type { AccessToken } from '../accounts.ts';

interface Reading {
  store: CalendarStore;
  switches: MicrosoftSwitches;
  access: AccessToken;
}

/** What `POST /subscriptions` asks for, or a 400. Source: Graph reference, "Create subscription". */
export function readSubscription(
  body: Body,
  reading: Reading,
): Omit<Subscription, 'id' | 'immutableIds'> {
  const { access, switches } = reading;
  const { changeType, clientState, resource, latestSupportedTlsVersion } = body;
  const types =
    typeof changeType === 'string' ? changeType.split(',').map((each) => each.trim()) : [];
  if (
    types.length === 0 ||
    types.some((type) => !['created', 'updated', 'deleted'].includes(type))
  ) {
    throw invalid('changeType is a list of created, updated and deleted.');
  }
  if (typeof clientState === 'string' && clientState.length > 128) {
    throw invalid('clientState has at most 128 characters.');
  }
  const { notificationUrl, lifecycleNotificationUrl } = body;
  return {
    account: access.email,
    resource: String(resource),
    ...calendarPart(resource, reading),
    changeType: types.join(','),
    notificationUrl: readUrl(notificationUrl, 'notificationUrl', switches),
    ...(lifecycleNotificationUrl === undefined || lifecycleNotificationUrl === null
      ? {}
      : {
          lifecycleNotificationUrl: readUrl(
            lifecycleNotificationUrl,
            'lifecycleNotificationUrl',
            switches,
          ),
        }),
    ...(typeof clientState === 'string' ? { clientState } : {}),
    latestSupportedTlsVersion:
      typeof latestSupportedTlsVersion === 'string' ? latestSupportedTlsVersion : 'v1_2',
    expiresAtMs: readExpiration(body['expirationDateTime']),
  };
}

const invalid = (message: string) => badRequest('ValidationError', message);

const resourceShape =
  /^\/?(?:me|users\/([^/]+))\/(?:events|(calendar)\/events|calendars\/([^/]+)\/events)$/i;

function calendarPart(resource: unknown, { store, access, switches }: Reading) {
  const match = typeof resource === 'string' ? resourceShape.exec(resource) : null;
  if (match === null) throw invalid('This emulator knows resources of calendar events only.');
  const [, user, primary, calendarId] = match;
  const own = [access.email.toLowerCase(), userIdOf(access.email), undefined];
  if (!own.includes(user?.toLowerCase())) {
    throw new GraphError(403, 'ExtensionError', {
      message: 'Operation: Create; Status: Forbidden.',
    });
  }
  if (primary === undefined && calendarId === undefined) return {};
  const wanted = calendarId === undefined ? undefined : decodeURIComponent(calendarId);
  const calendar = reachCalendar(store, wanted, access);
  if (calendar.sharedBy !== undefined) throw sharedRefused(switches);
  return { calendarId: calendar.id };
}

function readUrl(value: unknown, name: string, switches: MicrosoftSwitches): string {
  const protocol = typeof value === 'string' && URL.canParse(value) ? new URL(value).protocol : '';
  const httpTaken = switches.notificationUrlHttps === 'optional' && protocol === 'http:';
  if (protocol === 'https:' || httpTaken) return value as string;
  throw invalid(`${name} is not an https URL.`);
}

const minuteMs = 60_000;
const longestMinutes = 10_080;
const shortestMinutes = 45;

/** A life under 45 minutes is made 45; over 10,080 it is refused. */
export function readExpiration(value: unknown): number {
  const wantedMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  const nowMs = Date.now();
  if (Number.isNaN(wantedMs) || wantedMs <= nowMs) {
    throw invalid('expirationDateTime is a date and time in the future.');
  }
  // Half a minute for the way that the request took.
  if (wantedMs > nowMs + longestMinutes * minuteMs + minuteMs / 2) {
    throw invalid(`Subscription expiration can only be ${longestMinutes} minutes in the future.`);
  }
  return Math.max(wantedMs, nowMs + shortestMinutes * minuteMs);
}
