import { createIcalProvider } from '../../src/channels/ical/provider.ts';
import { startEmulators } from '../../src/emulators/server.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import type { Bench, BenchCalendar, BenchEvent } from './bench.ts';
import { controlOf } from './google-bench.ts';
import type { Control } from './google-bench.ts';

interface Entry extends BenchEvent {
  uid: string;
  exceptions: string[];
}

/** A file that its owner edits, as the feed host serves it. */
interface Feed {
  name: string;
  entries: Map<string, Entry>;
}

export interface IcalBench extends Bench {
  control: Control;
  feedOf(at: BenchCalendar): string;
}

/** The iCal provider at the feed host of the emulators, in this process. */
export async function openIcalBench(): Promise<IcalBench> {
  const emulators = await startEmulators({ port: 0 });
  const { url } = emulators;
  const control = controlOf(url);
  const outbound = createOutbound({ allow: [new URL(url).host] });
  const provider = createIcalProvider({
    fetchOutside: outbound.fetchOutside,
    limits: { totalTimeoutMs: 1_000 },
  });
  const feeds = new Map<string, Feed>();
  let manner: Record<string, unknown> = {};
  let made = 0;
  const feedAt = ({ calendar }: BenchCalendar): Feed => feeds.get(calendar.id)!;
  const save = ({ name, entries }: Feed, secret?: string): Promise<unknown> =>
    control('PUT', `feeds/${name}`, {
      body: calendarText([...entries.values()]),
      manner,
      ...(secret === undefined ? {} : { secret }),
    });
  const except = async (at: BenchCalendar, uid: string, lines: string[]): Promise<void> => {
    feedAt(at)
      .entries.get(uid)!
      .exceptions.push(entryText([`UID:${uid}`, ...lines]));
    await save(feedAt(at));
  };

  return {
    provider,
    control,
    feedOf: (at) => feedAt(at).name,
    async takePosition({ switches }) {
      await control('DELETE', 'faults');
      manner = switches;
    },
    async newCalendar() {
      made += 1;
      const feed: Feed = { name: `room-${made}`, entries: new Map() };
      feeds.set(feed.name, feed);
      const secret = `secret-of-${made}`;
      await save(feed, secret);
      return {
        access: { kind: 'url', url: `${url}/feeds/${feed.name}.ics?s=${secret}` },
        calendar: { id: feed.name, timeZone: 'Europe/Paris' },
      };
    },
    async seedEvents(at, events) {
      const uids = events.map((event) => {
        made += 1;
        const uid = `seed-${made}@feeds.test`;
        feedAt(at).entries.set(uid, { ...event, uid, exceptions: [] });
        return uid;
      });
      await save(feedAt(at));
      return uids;
    },
    async editEvent(at, nativeId, event) {
      feedAt(at).entries.set(nativeId, { ...event, uid: nativeId, exceptions: [] });
      await save(feedAt(at));
    },
    async deleteEvent(at, nativeId) {
      feedAt(at).entries.delete(nativeId);
      await save(feedAt(at));
    },
    occurrences: {
      cancel: (at, seriesId, startAt) =>
        except(at, seriesId, [
          `RECURRENCE-ID:${stamp(startAt)}`,
          `DTSTART:${stamp(startAt)}`,
          'STATUS:CANCELLED',
        ]),
      move: (at, seriesId, { from, startAt, endAt }) =>
        except(at, seriesId, [`RECURRENCE-ID:${stamp(from)}`, ...spanLines({ startAt, endAt })]),
    },
    loseCursor: null,
    async fault(fault) {
      // A feed has one call, whatever the caller wants of it.
      const { on: wanted, ...script } = fault;
      if (wanted !== 'pull') throw new Error(`A feed has no ${wanted}.`);
      await control('POST', 'faults', { host: 'feeds', path: '^/feeds/', ...script });
    },
    async requests() {
      const { entries } = (await control('GET', 'record?host=feeds')) as {
        entries: { path?: string }[];
      };
      return entries.filter(({ path }) => path?.startsWith('/feeds/')).length;
    },
    async close() {
      await outbound.close();
      await emulators.close();
    },
  };
}

/** A file like those of rental sites: every fetch or save has another DTSTAMP. */
function calendarText(entries: readonly Entry[]): string {
  const events = entries.flatMap((entry) => [
    entryText([
      `UID:${entry.uid}`,
      ...spanLines(entry),
      ...(entry.weeks === undefined ? [] : [`RRULE:FREQ=WEEKLY;COUNT=${entry.weeks}`]),
    ]),
    ...entry.exceptions,
  ]);
  const head = 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n';
  return `${head}${events.join('')}END:VCALENDAR\r\n`;
}

const entryText = (lines: readonly string[]): string =>
  ['BEGIN:VEVENT', `DTSTAMP:${stamp(new Date().toISOString())}`, 'SUMMARY:Somebody']
    .concat(lines, 'END:VEVENT', '')
    .join('\r\n');

const spanLines = ({ startAt, endAt }: BenchEvent): string[] => [
  `DTSTART:${stamp(startAt)}`,
  `DTEND:${stamp(endAt)}`,
];

const stamp = (at: string): string => at.replace(/\.\d+|[-:]/g, '');
