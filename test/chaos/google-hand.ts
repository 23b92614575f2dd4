import type { Holdfast } from '../support/holdfast.ts';
import { endOfDraft, linesOf, type Draft } from './draft.ts';
import { cancelled, exceptionId, type Entry } from './entry.ts';
import { originalOf, type Hand, type Item } from './person.ts';
import { compact, instantOf, isDay, localOf, zText } from './wall.ts';

/** A person at the emulated Google, and Google's own listing read without our mapping. */
export function googleHand({ control }: Holdfast, calendarId: string): Hand {
  const path = `/google/calendars/${encodeURIComponent(calendarId)}/events`;
  const instance = ({ id, draft }: Item, original: string) =>
    `${path}/${id}_${compact(originalOf(original, draft.zone))}`;
  return {
    zones: ['Europe/Paris', 'America/New_York', 'UTC', 'Asia/Kolkata'],
    natures: ['busy', 'tentative', 'free', 'away', 'elsewhere'],
    dates: true,
    async create(wanted) {
      const made = await control<{ event: { id: string } }>('POST', path, {
        ...bodyOf(wanted),
        eventType: TYPES[wanted.nature] ?? 'default',
        summary: 'Somebody',
      });
      return made.event.id;
    },
    // The type of an event stays what it was.
    change: async (id, wanted) => void (await control('PATCH', `${path}/${id}`, bodyOf(wanted))),
    remove: async (id) => void (await control('DELETE', `${path}/${id}`)),
    cancelOccurrence: async (item, original) =>
      void (await control('DELETE', instance(item, original))),
    async moveOccurrence(item, original, to) {
      const { start, end } = bodyOf(to);
      await control('PATCH', instance(item, original), { start, end });
    },
  };
}

const TYPES: Partial<Record<Entry['nature'], string>> = {
  away: 'outOfOffice',
  elsewhere: 'workingLocation',
};

function bodyOf(wanted: Draft): Record<string, unknown> {
  const time = (text: string) =>
    isDay(text) ? { date: text } : { dateTime: text, timeZone: wanted.zone };
  const { start, zone, nature, rule } = wanted;
  return {
    start: time(isDay(start) ? start : zText(instantOf(start, zone))),
    end: time(endOfDraft(wanted)),
    status: nature === 'tentative' ? 'tentative' : 'confirmed',
    transparency: nature === 'free' ? 'transparent' : 'opaque',
    ...(rule && { recurrence: linesOf(wanted) }),
  };
}

interface Told {
  id: string;
  status: string;
  transparency?: string;
  eventType: string;
  start: Time;
  end: Time;
  recurrence?: string[];
  recurringEventId?: string;
  originalStartTime?: Time;
}
interface Time {
  date?: string;
  dateTime?: string;
  timeZone?: string;
}

export async function googleEntries({ control }: Holdfast, calendarId: string): Promise<Entry[]> {
  const path = `/google/calendars/${encodeURIComponent(calendarId)}/events`;
  const { events } = await control<{ events: Told[] }>('GET', path);
  const live = new Set(
    events.filter((one) => one.recurrence && one.status !== 'cancelled').map(({ id }) => id),
  );
  return events.flatMap((told): Entry[] => {
    const { recurringEventId: series, originalStartTime } = told;
    // A tombstone is no entry, and what it was a series of went with it.
    if (series === undefined) return told.status === 'cancelled' ? [] : [entryOf(told)];
    if (!live.has(series)) return [];
    const original = textOf(originalStartTime!);
    const entry = { ...entryOf(told), id: exceptionId(series, original), series, original };
    return [told.status === 'cancelled' ? cancelled(entry) : entry];
  });
}

function entryOf(told: Told): Entry {
  const [start, end] = [textOf(told.start), textOf(told.end)];
  const lines = told.recurrence ?? [];
  const zone = told.start.timeZone ?? 'day';
  return {
    id: told.id,
    series: null,
    original: null,
    nature: natureOf(told),
    start,
    end,
    recurs:
      lines.length === 0
        ? null
        : { start: isDay(start) ? start : localOf(Date.parse(start), zone), zone, lines },
  };
}

const textOf = ({ date, dateTime }: Time): string => date ?? zText(Date.parse(dateTime!));

/** Where people work and whose birthday it is take no time; focus time and absence do. */
function natureOf({ status, transparency, eventType }: Told): Entry['nature'] {
  if (eventType === 'workingLocation') return 'elsewhere';
  if (transparency === 'transparent') return 'free';
  if (status === 'tentative') return 'tentative';
  return eventType === 'outOfOffice' ? 'away' : 'busy';
}
