import type { BenchCalendar, BenchEvent } from './bench.ts';

/**
 * A second client of a CalDAV calendar, as plain as can be: it PUTs, edits and deletes with `fetch`
 * and shares nothing with the provider.
 */
export interface DavClient {
  makeCalendar(name: string): Promise<string>;
  put(calendarId: string, name: string, entry: DavEntry): Promise<void>;
  delete(calendarId: string, name: string): Promise<void>;
}

export interface DavEntry extends BenchEvent {
  /** VEVENTs with RECURRENCE-ID, lines without UID. */
  exceptions?: string[][];
}

export function davClient(options: {
  homeUrl: string;
  username: string;
  password: string;
}): DavClient {
  const pair = Buffer.from(`${options.username}:${options.password}`).toString('base64');
  const ask = async (method: string, url: string, body?: string, type = 'text/calendar') => {
    const response = await fetch(url, {
      method,
      headers: { authorization: `Basic ${pair}`, 'content-type': `${type}; charset=utf-8` },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method}: ${response.status} ${text.slice(0, 300)}`);
  };
  return {
    async makeCalendar(name) {
      const url = new URL(`${name}/`, options.homeUrl).href;
      await ask('MKCALENDAR', url, MAKE_CALENDAR, 'application/xml');
      return url;
    },
    put: (calendarId, name, entry) =>
      ask('PUT', new URL(name, calendarId).href, bodyOf(name, entry)),
    delete: (calendarId, name) => ask('DELETE', new URL(name, calendarId).href),
  };
}

const MAKE_CALENDAR =
  '<?xml version="1.0" encoding="utf-8"?><c:mkcalendar xmlns:d="DAV:" ' +
  'xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop><d:displayname>Room</d:displayname>' +
  '<c:supported-calendar-component-set><c:comp name="VEVENT"/></c:supported-calendar-component-set>' +
  '</d:prop></d:set></c:mkcalendar>';

let stamped = 0;

/** Every save has a DTSTAMP of its own, so that no two bodies, and no two etags, are the same. */
function bodyOf(name: string, entry: DavEntry): string {
  const uid = `${name.replace(/\.ics$/, '')}@second-client`;
  const event = (lines: readonly string[]): string[] => [
    'BEGIN:VEVENT',
    `UID:${uid}`,
    `DTSTAMP:${stamp(new Date(Date.UTC(2026, 0, 1) + (stamped += 1) * 1_000).toISOString())}`,
    'SUMMARY:Somebody',
    ...lines,
    'END:VEVENT',
  ];
  const rule = entry.weeks === undefined ? [] : [`RRULE:FREQ=WEEKLY;COUNT=${entry.weeks}`];
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Test//EN',
    ...event([...spanLines(entry), ...rule]),
    ...(entry.exceptions ?? []).flatMap(event),
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

export const spanLines = ({ startAt, endAt }: BenchEvent): string[] => [
  `DTSTART:${stamp(startAt)}`,
  `DTEND:${stamp(endAt)}`,
];

export const stamp = (at: string): string => at.replace(/\.\d+|[-:]/g, '');

/** The edits of the laws, by the second client. */
export function davEdits(client: DavClient, naming: { suffix: string } = { suffix: '.ics' }) {
  const entries = new Map<string, DavEntry>();
  let made = 0;
  const keyOf = ({ calendar }: BenchCalendar, nativeId: string) => `${calendar.id} ${nativeId}`;
  const save = async (at: BenchCalendar, nativeId: string, entry: DavEntry): Promise<void> => {
    entries.set(keyOf(at, nativeId), entry);
    await client.put(at.calendar.id, nativeId, entry);
  };
  const except = (at: BenchCalendar, nativeId: string, lines: string[]): Promise<void> => {
    const entry = entries.get(keyOf(at, nativeId))!;
    return save(at, nativeId, { ...entry, exceptions: [...(entry.exceptions ?? []), lines] });
  };
  return {
    async seedEvents(at: BenchCalendar, events: readonly BenchEvent[]): Promise<string[]> {
      const names: string[] = [];
      for (const event of events) {
        made += 1;
        // Names of members are the server's business; not all of them end in `.ics`.
        const name = made % 7 === 0 ? `seed-${made}` : `seed-${made}${naming.suffix}`;
        await save(at, name, event);
        names.push(name);
      }
      return names;
    },
    editEvent: (at: BenchCalendar, nativeId: string, event: BenchEvent) =>
      save(at, nativeId, event),
    async deleteEvent(at: BenchCalendar, nativeId: string): Promise<void> {
      entries.delete(keyOf(at, nativeId));
      await client.delete(at.calendar.id, nativeId);
    },
    occurrences: {
      cancel: (at: BenchCalendar, seriesId: string, startAt: string) =>
        except(at, seriesId, [
          `RECURRENCE-ID:${stamp(startAt)}`,
          ...spanLines({
            startAt,
            endAt: startAt.replace(
              /T(\d\d)/,
              (_, h) => `T${String(Number(h) + 1).padStart(2, '0')}`,
            ),
          }),
          'STATUS:CANCELLED',
        ]),
      move: (at: BenchCalendar, seriesId: string, to: BenchEvent & { from: string }) =>
        except(at, seriesId, [`RECURRENCE-ID:${stamp(to.from)}`, ...spanLines(to)]),
    },
  };
}
