import type { NeutralEvent } from '../domain/event.ts';
import { DAY_SECONDS, readWall } from './civil.ts';
import type { ContentLine } from './content-lines.ts';
import { readContentLine } from './content-lines.ts';
import { readDuration } from './duration.ts';
import type { Rule } from './rule.ts';
import { parseRule } from './rule.ts';
import type { Shape } from './shape.ts';
import { instantToWall, resolveZone, wallToInstant } from './zones.ts';

/** A set of occurrences named by instant, or by the day they start on. */
export interface OccurrenceSet {
  instants: Set<number>;
  /** Days since 1970-01-01 on the wall of the series. */
  days: Set<number>;
}

export interface Occurrence {
  /** Wall seconds in the zone of the series. */
  wall: number;
  /** The instant that names it: its start, of whole days their midnight. */
  at: number;
}

export const emptySet = (): OccurrenceSet => ({ instants: new Set(), days: new Set() });

export const holds = ({ instants, days }: OccurrenceSet, { wall, at }: Occurrence): boolean =>
  instants.has(at) || (days.size > 0 && days.has(Math.floor(wall / DAY_SECONDS)));

interface ExtraDate {
  /** Wall seconds in the zone of the series. */
  wall: number;
  /** Of an RDATE that is a PERIOD; null takes the length of the series. */
  endAt: number | null;
}

export interface Series {
  rules: Rule[];
  exceptionRules: Rule[];
  extraDates: ExtraDate[];
  excluded: OccurrenceSet;
  /** Machine reason when a line was left out because it could not be read. */
  flaw: string | null;
}

/** Reads the recurrence lines of a master. Lines that cannot be read are left out and reported. */
export function readSeries(master: NeutralEvent, shape: Shape): Series {
  const series: Series = {
    rules: [],
    exceptionRules: [],
    extraDates: [],
    excluded: emptySet(),
    flaw: null,
  };
  for (const text of master.recurrence) {
    const line = readContentLine(text);
    const flaw = line ? readLine(series, line, shape) : 'bad-rule';
    series.flaw ??= flaw;
  }
  return series;
}

function readLine(series: Series, line: ContentLine, shape: Shape): string | null {
  if (line.name === 'RRULE' || line.name === 'EXRULE') {
    const rule = parseRule(line.value);
    if (!rule) return 'bad-rule';
    (line.name === 'RRULE' ? series.rules : series.exceptionRules).push(rule);
    return null;
  }
  if (line.name !== 'RDATE' && line.name !== 'EXDATE') return 'bad-rule';
  let flaw: string | null = null;
  for (const value of line.value.split(',')) {
    const isRead =
      value.trim() === '' ||
      (line.name === 'RDATE'
        ? addExtra(series.extraDates, { line, value }, shape)
        : addExcluded(series.excluded, { line, value }, shape));
    if (!isRead) flaw = 'bad-date';
  }
  return flaw;
}

interface Value {
  line: ContentLine;
  value: string;
}

function addExtra(dates: ExtraDate[], { line, value }: Value, shape: Shape): boolean {
  const [from = '', to] = value.split('/');
  const start = momentOf({ line, value: from }, shape);
  if (!start) return false;
  const timeOfDay = shape.isDate ? 0 : ((shape.start % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;
  const wall = start.isDate || shape.isDate ? dayOf(start.wall) + timeOfDay : start.wall;
  if (to === undefined) {
    dates.push({ wall, endAt: null });
    return true;
  }
  const endAt = periodEnd({ line, value: to }, start, shape);
  if (endAt === null || endAt <= start.at) return false;
  dates.push({ wall, endAt });
  return true;
}

function periodEnd({ line, value }: Value, start: Moment, shape: Shape): number | null {
  const duration = readDuration(value);
  if (!duration) return momentOf({ line, value }, shape)?.at ?? null;
  const afterDays = wallToInstant(start.wall + duration.days * DAY_SECONDS, shape.zone);
  return afterDays + duration.seconds * 1000;
}

function addExcluded(excluded: OccurrenceSet, value: Value, shape: Shape): boolean {
  const moment = momentOf(value, shape);
  if (!moment) return false;
  if (!moment.isDate) excluded.instants.add(moment.at);
  // Some writers give midnight for a day; the day they mean is the one they wrote.
  const namesDay = moment.isDate || (shape.isDate && (!moment.isUtc || moment.isMidnight));
  if (namesDay) excluded.days.add(Math.floor(moment.written / DAY_SECONDS));
  return true;
}

interface Moment {
  at: number;
  /** Wall seconds in the zone of the series. */
  wall: number;
  /** Wall seconds as written. */
  written: number;
  isDate: boolean;
  isUtc: boolean;
  isMidnight: boolean;
}

/** A date or time of an RDATE or EXDATE; without a zone of its own it is in the series' zone. */
function momentOf({ line, value }: Value, shape: Shape): Moment | null {
  const reading = readWall(value);
  if (!reading) return null;
  const tzid = line.params.get('TZID');
  const named = tzid === undefined ? shape.zone : resolveZone(tzid);
  // An addition at the wrong hour still blocks; an exclusion at the wrong hour frees what is taken.
  if (named === null && line.name === 'EXDATE') return null;
  const zone = reading.isUtc ? 'UTC' : ((reading.hasTime ? named : null) ?? shape.zone);
  const at = wallToInstant(reading.wall, zone);
  return {
    at,
    wall: zone === shape.zone ? reading.wall : instantToWall(at, shape.zone),
    written: reading.wall,
    isDate: !reading.hasTime,
    isUtc: reading.isUtc,
    isMidnight: reading.wall % DAY_SECONDS === 0,
  };
}

const dayOf = (wall: number): number => Math.floor(wall / DAY_SECONDS) * DAY_SECONDS;
