import { createGoogleProvider } from '../../src/channels/google/provider.ts';
import type { GoogleSettings } from '../../src/channels/google/provider.ts';
import { startEmulators } from '../../src/emulators/server.ts';
import type { Bench, BenchCalendar, BenchEvent, BenchFault } from './bench.ts';

const ZONE = 'Europe/Paris';

const CALLS: Record<BenchFault['on'], { method: string; path: string }> = {
  pull: { method: 'GET', path: '/events\\?' },
  write: { method: 'POST', path: '/events\\?' },
  remove: { method: 'DELETE', path: '/events/' },
  read: { method: 'GET', path: '/events/[^?]' },
};

export type Control = (method: string, path: string, body?: unknown) => Promise<unknown>;

export interface GoogleBench extends Bench {
  url: string;
  settings: GoogleSettings;
  control: Control;
}

/** The Google provider at the Google emulator, in this process. */
export async function openGoogleBench(): Promise<GoogleBench> {
  const emulators = await startEmulators({ port: 0 });
  const { url } = emulators;
  const control = controlOf(url);
  const settings: GoogleSettings = {
    apiUrl: url,
    authUrl: `${url}/o/oauth2/v2/auth`,
    tokenUrl: `${url}/token`,
    clientId: 'client',
    clientSecret: 'client-secret',
    timeoutMs: 1_000,
  };
  const provider = createGoogleProvider(settings);
  const email = 'owner@example.com';
  const { refreshToken } = (await control('PUT', `google/accounts/${email}`, {})) as {
    refreshToken: string;
  };
  const { accessToken } = await provider.refresh({ refreshToken, nowAt: Date.now() });
  const eventsOf = ({ calendar }: BenchCalendar) => `google/calendars/${calendar.id}/events`;
  const instanceId = (seriesId: string, startAt: string) =>
    `${seriesId}_${startAt.replace(/\.\d+|[-:]/g, '')}`;
  let made = 0;

  return {
    url,
    settings,
    control,
    provider,
    async takePosition({ switches }) {
      await control('DELETE', 'faults');
      await control('PUT', 'switches', { ...USUAL, ...switches });
    },
    async newCalendar() {
      made += 1;
      const id = `room-${made}@group.calendar.google.com`;
      const body = { owner: email, summary: `Room ${made}`, timeZone: ZONE };
      await control('PUT', `google/calendars/${id}`, body);
      return { access: { kind: 'bearer', accessToken }, calendar: { id, timeZone: ZONE } };
    },
    async seedEvents(at, events) {
      made += 1;
      const bodies = events.map((event, n) => ({ id: `seed${made}v${n}`, ...bodyOf(event) }));
      await control('POST', `google/calendars/${at.calendar.id}/bulk`, { events: bodies });
      return bodies.map(({ id }) => id);
    },
    async editEvent(at, nativeId, event) {
      await control('PATCH', `${eventsOf(at)}/${nativeId}`, bodyOf(event));
    },
    async deleteEvent(at, nativeId) {
      await control('DELETE', `${eventsOf(at)}/${nativeId}`);
    },
    occurrences: {
      async cancel(at, seriesId, startAt) {
        const body = { status: 'cancelled' };
        await control('PATCH', `${eventsOf(at)}/${instanceId(seriesId, startAt)}`, body);
      },
      async move(at, seriesId, { from, startAt, endAt }) {
        const body = bodyOf({ startAt, endAt });
        await control('PATCH', `${eventsOf(at)}/${instanceId(seriesId, from)}`, body);
      },
    },
    async loseCursor({ calendar }) {
      await control('POST', `google/calendars/${calendar.id}/expire-sync-tokens`);
    },
    async fault({ on, ...rest }) {
      await control('POST', 'faults', { host: 'google', ...CALLS[on], ...rest });
    },
    async requests() {
      const record = (await control('GET', 'record?host=google')) as {
        entries: { path?: string }[];
      };
      return record.entries.filter(({ path }) => path?.startsWith('/calendar/v3')).length;
    },
    close: () => emulators.close(),
  };
}

function bodyOf({ startAt, endAt, weeks }: BenchEvent): Record<string, unknown> {
  return {
    summary: 'Somebody',
    start: { dateTime: startAt, timeZone: ZONE },
    end: { dateTime: endAt, timeZone: ZONE },
    ...(weeks === undefined ? {} : { recurrence: [`RRULE:FREQ=WEEKLY;COUNT=${weeks}`] }),
  };
}

/** The switches that a position may have changed. */
const USUAL = {
  'google.visibilityDelayMs': 0,
  'google.deletedIdStaysTaken': true,
  'google.pages': 'full',
  'google.tombstones': 'minimal',
  'google.malformedSyncToken': 'gone',
  'google.goneWithoutReason': false,
  'google.syncKeepsTimeBounds': false,
  'google.syncBeforeWatchAnswer': false,
};

export const controlOf =
  (url: string): Control =>
  async (method, path, body) => {
    const init = { method, headers: { 'content-type': 'application/json' } };
    const response = await fetch(
      `${url}/control/${path}`,
      body === undefined ? init : { ...init, body: JSON.stringify(body) },
    );
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
