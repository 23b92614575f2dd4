import { createMicrosoftProvider } from '../../src/channels/microsoft/provider.ts';
import type { MicrosoftSettings } from '../../src/channels/microsoft/provider.ts';
import { startEmulators } from '../../src/emulators/server.ts';
import type { Bench, BenchCalendar, BenchEvent, BenchFault } from './bench.ts';
import { controlOf } from './google-bench.ts';
import type { Control } from './google-bench.ts';

const ZONE = 'Europe/Paris';

const CALLS: Record<BenchFault['on'], { method: string; path: string }> = {
  pull: { method: 'GET', path: '/calendarView' },
  write: { method: 'POST', path: '/events$' },
  remove: { method: 'DELETE', path: '/events/' },
  read: { method: 'GET', path: '/events/[^?]' },
};

export interface MicrosoftBench extends Bench {
  url: string;
  settings: MicrosoftSettings;
  control: Control;
  email: string;
  /** The account's main calendar. */
  mainCalendarId: string;
}

/** The Microsoft provider at the Microsoft emulator, in this process. */
export async function openMicrosoftBench(): Promise<MicrosoftBench> {
  const emulators = await startEmulators({ port: 0 });
  const { url } = emulators;
  const control = controlOf(url);
  const settings: MicrosoftSettings = {
    apiUrl: url,
    authUrl: `${url}/microsoft/common/oauth2/v2.0/authorize`,
    tokenUrl: `${url}/microsoft/common/oauth2/v2.0/token`,
    clientId: 'client',
    clientSecret: 'client-secret',
    timeoutMs: 1_000,
  };
  const provider = createMicrosoftProvider(settings);
  const email = 'owner@example.com';
  await control('PUT', 'switches', USUAL);
  const made = (await control('PUT', `microsoft/accounts/${email}`, {})) as {
    refreshToken: string;
    calendarId: string;
  };
  const { refreshToken, calendarId: mainCalendarId } = made;
  const { accessToken } = await provider.refresh({ refreshToken, nowAt: Date.now() });
  const eventsOf = ({ calendar }: BenchCalendar) =>
    `microsoft/calendars/${encodeURIComponent(calendar.id)}/events`;
  const occurrenceAt = (seriesId: string, startAt: string) =>
    occurrenceOf({ url, accessToken }, { seriesId, startAt });
  let count = 0;

  return {
    url,
    settings,
    control,
    provider,
    email,
    mainCalendarId,
    async takePosition({ switches }) {
      await control('DELETE', 'faults');
      await control('PUT', 'switches', { ...USUAL, ...switches });
    },
    async newCalendar() {
      count += 1;
      const id = `AAMkRoom${count}=`;
      const body = { account: email, name: `Room ${count}` };
      await control('PUT', `microsoft/calendars/${encodeURIComponent(id)}`, body);
      return { access: { kind: 'bearer', accessToken }, calendar: { id, timeZone: ZONE } };
    },
    async seedEvents(at, events) {
      const path = `microsoft/calendars/${encodeURIComponent(at.calendar.id)}/bulk`;
      const { ids } = (await control('POST', path, { events: events.map(bodyOf) })) as {
        ids: string[];
      };
      return ids;
    },
    async editEvent(at, nativeId, event) {
      await control('PATCH', `${eventsOf(at)}/${encodeURIComponent(nativeId)}`, bodyOf(event));
    },
    async deleteEvent(at, nativeId) {
      await control('DELETE', `${eventsOf(at)}/${encodeURIComponent(nativeId)}`);
    },
    occurrences: {
      areListed: true,
      async cancel(at, seriesId, startAt) {
        const id = await occurrenceAt(seriesId, startAt);
        await control('DELETE', `${eventsOf(at)}/${encodeURIComponent(id)}`);
      },
      async move(at, seriesId, { from, startAt, endAt }) {
        const id = await occurrenceAt(seriesId, from);
        const body = bodyOf({ startAt, endAt });
        await control('PATCH', `${eventsOf(at)}/${encodeURIComponent(id)}`, body);
      },
    },
    async loseCursor({ calendar }) {
      const path = `microsoft/calendars/${encodeURIComponent(calendar.id)}`;
      await control('POST', `${path}/expire-delta-tokens`);
    },
    async fault({ on, ...rest }) {
      await control('POST', 'faults', { host: 'microsoft', ...CALLS[on], ...rest });
    },
    async requests() {
      const record = (await control('GET', 'record?host=microsoft')) as {
        entries: { path?: string }[];
      };
      return record.entries.filter(({ path }) => path?.startsWith('/v1.0')).length;
    },
    close: () => emulators.close(),
  };
}

/** The id of the occurrence that begins then. */
async function occurrenceOf(
  { url, accessToken }: { url: string; accessToken: string },
  { seriesId, startAt }: { seriesId: string; startAt: string },
): Promise<string> {
  const endAt = new Date(Date.parse(startAt) + 60_000).toISOString();
  const path = `/v1.0/me/events/${encodeURIComponent(seriesId)}/instances`;
  const query = `startDateTime=${startAt}&endDateTime=${endAt}`;
  const response = await fetch(`${url}${path}?${query}`, {
    headers: { authorization: `Bearer ${accessToken}`, prefer: 'IdType="ImmutableId"' },
  });
  const { value } = (await response.json()) as { value: { id: string }[] };
  if (!value[0]) throw new Error(`The series has no occurrence at ${startAt}.`);
  return value[0].id;
}

function bodyOf({ startAt, endAt, weeks }: BenchEvent): Record<string, unknown> {
  const timeOf = (at: string) => ({ dateTime: at.replace('Z', ''), timeZone: 'UTC' });
  const startDate = startAt.slice(0, 10);
  const day = new Date(startAt).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  const recurrence = {
    pattern: { type: 'weekly', interval: 1, daysOfWeek: [day.toLowerCase()] },
    range: { type: 'numbered', startDate, numberOfOccurrences: weeks, recurrenceTimeZone: 'UTC' },
  };
  return {
    subject: 'Somebody',
    start: timeOf(startAt),
    end: timeOf(endAt),
    ...(weeks === undefined ? {} : { recurrence }),
  };
}

/** The switches that a position may have changed. */
export const USUAL = {
  'microsoft.serviceTimeMs': 0,
  'microsoft.visibilityDelayMs': 0,
  'microsoft.pages': 'full',
  'microsoft.replays': 'none',
  'microsoft.stuckPages': false,
  'microsoft.occurrenceDeletion': 'removed',
  'microsoft.seriesChanges': 'changed',
  'microsoft.outsideChanges': 'removed',
  'microsoft.resetAnswer': 'gone',
  'microsoft.resetStatus': 400,
  'microsoft.resetNested': false,
  'microsoft.allDayShown': 'dates',
  'microsoft.seriesUid': 'absent',
  'microsoft.duplicateTransaction': '400',
  'microsoft.transactionReplay': 'duplicate',
  'microsoft.transactionOutlivesEvent': false,
  'microsoft.preconditionCode': 'ErrorIrresolvableConflict',
  'microsoft.sharedRefusal': 'ErrorAccessDenied',
  'microsoft.notifyBeforeSubscribeAnswer': false,
  'microsoft.consent': 'allow',
  'microsoft.oldRefreshToken': 'lives',
};
