import { endOfDraft, linesOf, localEnd, type Draft } from './draft.ts';
import { cancelled, exceptionId, type Entry } from './entry.ts';
import type { Item } from './person.ts';
import { spelled } from './rule.ts';
import { compact, instantOf, isDay, localOf, zText } from './wall.ts';

/** iCalendar text as a plain client writes it, and read back line by line. */
export interface IcsItem {
  uid: string;
  draft: Draft;
  exceptions: { original: string; to: Draft | null }[];
}

let stamped = 0;
/** Every save has a DTSTAMP of its own, which says nothing. */
const nextStamp = (): string => compact(zText(Date.UTC(2026, 0, 1) + (stamped += 1) * 1_000));

export const calendarText = (items: readonly IcsItem[]): string =>
  [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Chaos//EN',
    ...items.flatMap(eventsOf),
    'END:VCALENDAR',
    '',
  ].join('\r\n');

function eventsOf({ uid, draft, exceptions }: IcsItem): string[] {
  const { zone } = draft;
  const event = (lines: readonly string[]) => [
    'BEGIN:VEVENT',
    `UID:${uid}`,
    `DTSTAMP:${nextStamp()}`,
    'SUMMARY:Somebody',
    ...lines,
    'END:VEVENT',
  ];
  return [
    ...event([...timeLines(draft), ...linesOf(draft), ...natureLines(draft)]),
    ...exceptions.flatMap(({ original, to }) =>
      event([
        timeLine('RECURRENCE-ID', original, zone),
        ...(to
          ? [...timeLines(to), ...natureLines(to)]
          : [timeLine('DTSTART', original, zone), 'STATUS:CANCELLED']),
      ]),
    ),
  ];
}

/** An end every way that a client may write it. */
function timeLines(draft: Draft): string[] {
  const { start, zone, length } = draft;
  const startLine = timeLine('DTSTART', start, zone);
  if (isDay(start) && length === 1) return [startLine];
  if (isDay(start)) return [startLine, timeLine('DTEND', endOfDraft(draft), zone)];
  return length % 30 === 0
    ? [startLine, `DURATION:PT${length}M`]
    : [startLine, timeLine('DTEND', localEnd(draft), zone)];
}

const timeLine = (name: string, time: string, zone: string): string =>
  isDay(time)
    ? `${name};VALUE=DATE:${compact(time)}`
    : zone === 'UTC'
      ? `${name}:${compact(time)}Z`
      : `${name};TZID=${zone}:${compact(time)}`;

const natureLines = ({ nature }: Draft): string[] =>
  nature === 'free'
    ? ['TRANSP:TRANSPARENT']
    : nature === 'tentative'
      ? ['STATUS:TENTATIVE']
      : nature === 'cancelled'
        ? ['STATUS:CANCELLED']
        : [];

type Line = { zone: string | null; value: string };

/** Entries of a text, each named by what `nameOf` makes of its UID. */
export function entriesIn(text: string, nameOf: (uid: string) => string): Entry[] {
  return text
    .split('BEGIN:VEVENT\r\n')
    .slice(1)
    .map((part) => part.split('END:VEVENT')[0]!.trim().split('\r\n'))
    .map((lines) => entryOf(lines, nameOf));
}

function entryOf(lines: readonly string[], nameOf: (uid: string) => string): Entry {
  const find = (name: string): Line | null => {
    const line = lines.find((one) => one.startsWith(`${name}:`) || one.startsWith(`${name};`));
    if (line === undefined) return null;
    const colon = line.indexOf(':');
    const zone = /;TZID=([^;:]+)/.exec(line.slice(0, colon))?.[1] ?? null;
    return { zone, value: spelled(line.slice(colon + 1)) };
  };
  const start = find('DTSTART')!;
  const instance = find('RECURRENCE-ID');
  const name = nameOf(find('UID')!.value);
  const original = instance && textOf(instance);
  const rules = lines.filter((line) => /^(RRULE|EXDATE|RDATE)[:;]/.test(line));
  const zone = isDay(start.value) ? 'day' : (start.zone ?? 'UTC');
  const startText = textOf(start);
  const entry: Entry = {
    id: original === null ? name : exceptionId(name, original),
    series: original === null ? null : name,
    original,
    nature: natureOf(find('STATUS')?.value, find('TRANSP')?.value),
    start: startText,
    end: endOf(start, { end: find('DTEND'), duration: find('DURATION') }),
    recurs:
      rules.length === 0
        ? null
        : {
            start: isDay(startText) ? startText : localOf(Date.parse(startText), zone),
            zone,
            lines: rules,
          },
  };
  return entry.nature === 'cancelled' ? cancelled(entry) : entry;
}

function textOf({ zone, value }: Line): string {
  if (isDay(value)) return value;
  return value.endsWith('Z') ? value : zText(instantOf(value, zone!));
}

function endOf(
  start: Line,
  { end, duration }: { end: Line | null; duration: Line | null },
): string {
  if (end) return textOf(end);
  if (isDay(start.value)) return endOfDraft({ start: start.value, length: 1 } as Draft);
  if (!duration) return textOf(start);
  const minutes = Number(/^PT(\d+)M$/.exec(duration.value)![1]);
  return zText(Date.parse(textOf(start)) + minutes * 60_000);
}

function natureOf(status: string | undefined, transparency: string | undefined): Entry['nature'] {
  if (status === 'CANCELLED') return 'cancelled';
  if (transparency === 'TRANSPARENT') return 'free';
  return status === 'TENTATIVE' ? 'tentative' : 'busy';
}

/** Edits of items by UID; `save` puts one, or what is left of the whole, where the channel keeps it. */
export function icsEdits(save: (item: IcsItem | null, uid: string) => Promise<void>) {
  const items = new Map<string, IcsItem>();
  const put = async (item: IcsItem): Promise<void> => {
    items.set(item.uid, item);
    await save(item, item.uid);
  };
  const except = ({ id }: Item, exception: IcsItem['exceptions'][number]): Promise<void> => {
    const item = items.get(id)!;
    return put({ ...item, exceptions: [...item.exceptions, exception] });
  };
  return {
    items,
    zones: ['Europe/Paris', 'America/New_York', 'UTC', 'Australia/Sydney'],
    natures: ['busy', 'tentative', 'free', 'cancelled'] as Entry['nature'][],
    dates: true,
    async create(draft: Draft) {
      const uid = `chaos-${items.size}-${(stamped += 1)}@example.com`;
      await put({ uid, draft, exceptions: [] });
      return uid;
    },
    /** A client that saves a series whole leaves its exceptions out. */
    change: (uid: string, draft: Draft) => put({ uid, draft, exceptions: [] }),
    async remove(uid: string) {
      items.delete(uid);
      await save(null, uid);
    },
    cancelOccurrence: (item: Item, original: string) => except(item, { original, to: null }),
    moveOccurrence: (item: Item, original: string, to: Draft) => except(item, { original, to }),
  };
}
