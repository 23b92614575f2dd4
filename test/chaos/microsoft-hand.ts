import type { Holdfast } from '../support/holdfast.ts';
import { endOfDraft, LAST_DAY, today, type Draft } from './draft.ts';
import { cancelled, exceptionId, type Entry } from './entry.ts';
import { originalOf, type Hand, type Item } from './person.ts';
import { weekdayOf } from './rule.ts';
import { dayNumber, instantOf, isDay, later, localOf, zText } from './wall.ts';

/** How Outlook's people name a zone. */
const WINDOWS: Record<string, string> = {
  'Europe/Paris': 'Romance Standard Time',
  'America/Los_Angeles': 'Pacific Standard Time',
};

const eventsPath = (calendarId: string): string =>
  `/microsoft/calendars/${encodeURIComponent(calendarId)}/events`;

/** A person at the emulated Outlook. */
export function microsoftHand(holdfast: Holdfast, calendarId: string): Hand {
  const { control } = holdfast;
  const path = eventsPath(calendarId);
  const one = (id: string) => `${path}/${encodeURIComponent(id)}`;
  /** By where it lies now: only occurrences that nobody moved are asked for. */
  const occurrence = async ({ id, draft }: Item, original: string) => {
    const at = Date.parse(
      originalOf(isDay(original) ? `${original}T00:00:00` : original, draft.zone),
    );
    const base = id.slice(0, -1);
    const all = await occurrencesOf(holdfast, calendarId);
    const found = all.find((each) => each.id.startsWith(base) && Date.parse(each.startAt) === at);
    if (!found) throw new Error(': 404 the series has no such occurrence');
    return one(found.id);
  };
  return {
    zones: ['Europe/Paris', 'America/Los_Angeles', 'UTC'],
    natures: ['busy', 'tentative', 'free', 'away', 'elsewhere'],
    dates: false,
    async create(wanted) {
      const body = { ...bodyOf(wanted), ...repeating(wanted), subject: 'Somebody' };
      return (await control<{ id: string }>('POST', path, body)).id;
    },
    change: async (id, wanted) => void (await control('PATCH', one(id), bodyOf(wanted))),
    remove: async (id) => void (await control('DELETE', one(id))),
    cancelOccurrence: async (item, original) =>
      void (await control('DELETE', await occurrence(item, original))),
    async moveOccurrence(item, original, to) {
      await control('PATCH', await occurrence(item, original), bodyOf(to));
    },
  };
}

const SHOWN: Partial<Record<Entry['nature'], string>> = {
  away: 'oof',
  elsewhere: 'workingElsewhere',
};
const NATURES: Record<string, Entry['nature']> = { oof: 'away', workingElsewhere: 'elsewhere' };

function bodyOf(wanted: Draft): Record<string, unknown> {
  const { start, zone, nature } = wanted;
  const timeZone = WINDOWS[zone] ?? zone;
  const isAllDay = isDay(start);
  const time = (text: string) => ({
    dateTime: isAllDay ? `${text}T00:00:00` : localOf(Date.parse(text), zone),
    timeZone,
  });
  return {
    start: time(isAllDay ? start : zText(instantOf(start, zone))),
    end: time(endOfDraft(wanted)),
    isAllDay,
    showAs: SHOWN[nature] ?? nature,
  };
}

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const INDEXES = ['first', 'second', 'third', 'fourth'];

function repeating({ start, zone, rule }: Draft): Record<string, unknown> {
  if (!rule) return {};
  const weekday = weekdayOf(dayNumber(start));
  const date = Number(start.slice(8, 10));
  const day = DAYS[weekday - 1]!;
  const pattern = {
    daily: { type: 'daily' },
    weekly: {
      type: 'weekly',
      daysOfWeek: rule.twice ? [day, DAYS[weekday % 7]!] : [day],
      firstDayOfWeek: 'monday',
    },
    'month-day': { type: 'absoluteMonthly', dayOfMonth: date },
    'month-weekday': {
      type: 'relativeMonthly',
      daysOfWeek: [day],
      index: INDEXES[Math.ceil(date / 7) - 1],
    },
  }[rule.kind];
  const { end } = rule;
  const range =
    end === null
      ? { type: 'noEnd' }
      : 'count' in end
        ? { type: 'numbered', numberOfOccurrences: end.count }
        : { type: 'endDate', endDate: end.untilDay };
  const place = { startDate: start.slice(0, 10), recurrenceTimeZone: WINDOWS[zone] ?? zone };
  return {
    recurrence: {
      pattern: { ...pattern, interval: rule.interval },
      range: { ...range, ...place },
    },
  };
}

interface Occurrence {
  id: string;
  startAt: string;
  endAt: string;
  isAllDay: boolean;
  showAs: string;
  isCancelled: boolean;
}

async function occurrencesOf({ control }: Holdfast, calendarId: string): Promise<Occurrence[]> {
  const [from, to] = [later(today(), -1), later(today(), LAST_DAY + 30)];
  const path = eventsPath(calendarId).replace(/events$/, 'occurrences');
  const { occurrences } = await control<{ occurrences: Occurrence[] }>(
    'GET',
    `${path}?startDateTime=${from}T00:00:00Z&endDateTime=${to}T00:00:00Z`,
  );
  return occurrences;
}

interface Told {
  id: string;
  type: 'singleInstance' | 'seriesMaster' | 'exception';
  seriesMasterId: string | null;
  originalStart?: string;
  originalStartTimeZone: string;
  isAllDay: boolean;
  isCancelled: boolean;
  showAs: string;
  start: { dateTime: string };
  end: { dateTime: string };
}

/** Masters, singles and exceptions as they stand, and the occurrences that the emulator lists. */
export async function microsoftEntries(holdfast: Holdfast, calendarId: string): Promise<Entry[]> {
  const told = await holdfast.control<{ events: Told[] }>('GET', eventsPath(calendarId));
  const whole = new Map(told.events.map((event) => [event.id, wholeEntry(event)]));
  const zones = new Map(told.events.map((each) => [each.id, zoneOf(each.originalStartTimeZone)]));
  const occurrences = await occurrencesOf(holdfast, calendarId);
  const bare = occurrences
    .filter(({ id }) => !whole.has(id))
    .map((one) => {
      const master = told.events.find(({ id }) => one.id.startsWith(id.slice(0, -1)))!;
      return bareEntry(one, { master, zone: zones.get(master.id)! });
    });
  return [...whole.values(), ...bare];
}

const zoneOf = (name: string): string =>
  Object.entries(WINDOWS).find(([, windows]) => windows === name)?.[0] ?? name;

function wholeEntry(told: Told): Entry {
  const time = ({ dateTime }: { dateTime: string }) =>
    told.isAllDay ? dateTime.slice(0, 10) : zText(Date.parse(`${dateTime.slice(0, 19)}Z`));
  const isException = told.type === 'exception';
  const original = isException ? zText(Date.parse(told.originalStart!)) : null;
  const entry: Entry = {
    id: original === null ? told.id : exceptionId(told.seriesMasterId!, original),
    series: isException ? told.seriesMasterId : null,
    original,
    nature: natureOf(told),
    start: time(told.start),
    end: time(told.end),
    recurs: null,
    ...(told.type === 'seriesMaster' && { isListed: true }),
  };
  return told.isCancelled ? cancelled(entry) : entry;
}

function bareEntry(one: Occurrence, { master, zone }: { master: Told; zone: string }): Entry {
  const time = (at: string) =>
    one.isAllDay ? localOf(Date.parse(at), zone).slice(0, 10) : zText(Date.parse(at));
  return {
    id: one.id,
    series: master.id,
    original: null,
    nature: natureOf(one),
    start: time(one.startAt),
    end: time(one.endAt),
    recurs: null,
  };
}

const natureOf = ({ showAs }: { showAs: string }): Entry['nature'] =>
  NATURES[showAs] ?? (showAs as Entry['nature']);
