import { wallStarts } from '../google/recurrence.ts';
import { parseRecurrence } from '../google/recurrence-rule.ts';
import type { StoredObject } from './calendar-store.ts';
import { durationMs, instantMs, quickInstantOf, readTime } from './event-times.ts';
import type { EventTime } from './event-times.ts';
import { mainComponents, propertyOf, readIcal } from './ical.ts';
import type { IcalComponent, IcalProperty } from './ical.ts';

/** Epoch milliseconds, half open; a point in time has equal ends. */
export interface Span {
  startMs: number;
  endMs: number;
}

export interface Occurrence extends Span {
  component: IcalComponent;
}

const dayMs = 86_400_000;

/**
 * The occurrences of an object's components of one name that overlap a range, exceptions in place of
 * what they replace. Source: RFC 4791 §9.9. THISANDFUTURE counts as a change of that one instance.
 */
export function occurrencesWithin(
  calendar: IcalComponent,
  { range, name, zone }: { range: Span; name: string; zone: string },
): Occurrence[] {
  const components = mainComponents(calendar).filter((each) => each.name === name);
  const exceptions = components.filter((each) => propertyOf(each, 'RECURRENCE-ID') !== undefined);
  const moved = new Set(
    exceptions
      .map((each) => startOf(each, { calendar, zone }, 'RECURRENCE-ID'))
      .map((time) => (time === undefined ? Number.NaN : instantMs(time))),
  );
  return components.flatMap((component) => {
    const start = startOf(component, { calendar, zone }, 'DTSTART');
    if (start === undefined) return [];
    const lengthMs = lengthOf(component, { calendar, zone }, start);
    const isMaster = !exceptions.includes(component);
    const starts = isMaster
      ? startsOf(component, start, { range, lengthMs }).filter((ms) => !moved.has(ms))
      : [instantMs(start)];
    return starts
      .map((startMs) => ({ startMs, endMs: startMs + lengthMs, component }))
      .filter((span) => overlaps(span, range));
  });
}

type In = { calendar: IcalComponent; zone: string };

function startOf(component: IcalComponent, { calendar, zone }: In, name: string) {
  const property = propertyOf(component, name);
  return property === undefined ? undefined : readTime(property, calendar, zone);
}

/** A date without end lasts its day, a time without end no time at all. */
function lengthOf(component: IcalComponent, within: In, start: EventTime): number {
  const end = startOf(component, within, 'DTEND');
  if (end !== undefined) return Math.max(0, instantMs(end) - instantMs(start));
  const duration = durationMs(propertyOf(component, 'DURATION')?.value ?? '');
  return duration ?? (start.isDate ? dayMs : 0);
}

/** Starts of what may overlap the range, by the rules of the series. */
function startsOf(
  component: IcalComponent,
  start: EventTime,
  { range, lengthMs }: { range: Span; lengthMs: number },
): number[] {
  const lines = component.properties.filter(isRecurrence).map(lineOf);
  if (lines.length === 0) return [instantMs(start)];
  const starts = wallStartsOf(component, { start, lines, untilMs: range.endMs + dayMs });
  // Looking up offsets is what costs, so what ended long before the range is left out first.
  const from = range.startMs - lengthMs - dayMs;
  return starts.filter((each) => each >= from).map((each) => quickInstantOf(each, start.zone));
}

type Series = { zone: string; untilMs: number; starts: number[] };
const expanded = new WeakMap<IcalComponent, Series>();

/** The series on its own clock, expanded once for as far as it was asked for. */
function wallStartsOf(
  component: IcalComponent,
  { start, lines, untilMs }: { start: EventTime; lines: string[]; untilMs: number },
): number[] {
  const { zone, wallMs } = start;
  const known = expanded.get(component);
  if (known?.zone === zone && known.untilMs >= untilMs) return known.starts;
  const starts = readableStarts(lines, { zone, wallMs, untilMs });
  expanded.set(component, { zone, untilMs, starts });
  return starts;
}

type Reach = { zone: string; wallMs: number; untilMs: number };

function readableStarts(lines: string[], { zone, wallMs, untilMs }: Reach): number[] {
  try {
    return wallStarts(wallMs, parseRecurrence(lines, zone), untilMs);
  } catch {
    // A rule that cannot be read makes no instances beside the first.
    return [wallMs];
  }
}

function isRecurrence({ name }: IcalProperty): boolean {
  return ['RRULE', 'EXRULE', 'RDATE', 'EXDATE'].includes(name);
}

function lineOf({ name, parameters, value }: IcalProperty): string {
  const tzid = parameters['TZID'];
  return `${name}${tzid === undefined ? '' : `;TZID=${tzid}`}:${value}`;
}

/** A point counts where it lies in the range, its start included. */
function overlaps(span: Span, { startMs, endMs }: Span): boolean {
  if (span.endMs === span.startMs) return span.startMs >= startMs && span.startMs < endMs;
  return span.startMs < endMs && span.endMs > startMs;
}

const parsed = new WeakMap<StoredObject, IcalComponent | undefined>();

/** What an object says, read once for each of its versions. */
export function calendarOf(object: StoredObject): IcalComponent | undefined {
  if (!parsed.has(object)) parsed.set(object, readIcal(object.ics ?? ''));
  return parsed.get(object);
}

/** Where a series certainly has an instance: at any time after its start, without an end. */
export function isEndless(component: IcalComponent): boolean {
  const rule = propertyOf(component, 'RRULE')?.value ?? '';
  return rule !== '' && !/(?:^|;)(?:COUNT|UNTIL)=/.test(rule);
}
