import { badRequest } from './errors.ts';
import { instantOf, isZone, wallAt } from '../zones.ts';

const frequencies = [
  'SECONDLY',
  'MINUTELY',
  'HOURLY',
  'DAILY',
  'WEEKLY',
  'MONTHLY',
  'YEARLY',
] as const;

/** A BYDAY entry: `nth` 0 means every such weekday; weekdays count from Sunday = 0. */
interface ByDay {
  nth: number;
  weekday: number;
}

/** A recurrence rule with its lists as numbers; `untilWallMs` is inclusive, on the series' wall clock. */
export interface Rule {
  frequency: (typeof frequencies)[number];
  interval: number;
  count: number | undefined;
  untilWallMs: number | undefined;
  weekStart: number;
  byDay: ByDay[];
  by: Record<'MONTH' | 'MONTHDAY' | 'YEARDAY' | 'WEEKNO' | 'HOUR' | 'MINUTE' | 'SECOND', number[]>;
  bySetPos: number[];
}

/** The `recurrence` of an event, on the wall clock of its zone. Source: RFC 5545 §3.3.10, §3.8.5. */
export interface Recurrence {
  rules: Rule[];
  excludedRules: Rule[];
  dates: number[];
  excludedDates: number[];
}

const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const lists = ['MONTH', 'MONTHDAY', 'YEARDAY', 'WEEKNO', 'HOUR', 'MINUTE', 'SECOND'] as const;

const invalid = () => badRequest('invalid', 'Invalid recurrence rule.');

/** Reads the lines of `recurrence`; anything but RRULE, EXRULE, RDATE and EXDATE is a 400. */
export function parseRecurrence(lines: readonly string[], zone: string): Recurrence {
  const read: Recurrence = { rules: [], excludedRules: [], dates: [], excludedDates: [] };
  for (const line of lines) {
    const match = /^(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:;]+)*):(.+)$/.exec(line.trim());
    if (match === null) throw invalid();
    const [, name, parameters, value] = match as unknown as [string, string, string, string];
    if (name === 'RRULE') read.rules.push(parseRule(value, zone));
    else if (name === 'EXRULE') read.excludedRules.push(parseRule(value, zone));
    else {
      const tzid = /;TZID=([^;]+)/.exec(parameters)?.[1];
      const dates = name === 'RDATE' ? read.dates : read.excludedDates;
      for (const text of value.split(',')) dates.push(wallOf(text, tzid ?? zone, zone));
    }
  }
  return read;
}

/** A date, a floating or a UTC time as the reading of a clock in `zone`. A period gives its start. */
function wallOf(text: string, ownZone: string, zone: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?(?:\/.+)?$/.exec(text);
  if (match === null || !isZone(ownZone)) throw invalid();
  const [, year, month, day, hour = '0', minute = '0', second = '0', utc] = match;
  const wallMs = Date.UTC(+year!, +month! - 1, +day!, +hour, +minute, +second);
  if (utc !== undefined) return wallAt(wallMs, zone);
  return ownZone === zone ? wallMs : wallAt(instantOf(wallMs, ownZone), zone);
}

function parseRule(value: string, zone: string): Rule {
  const parts = new Map(value.split(';').map((part) => part.split('=', 2) as [string, string]));
  const frequency = frequencies.find((known) => known === parts.get('FREQ'));
  const known = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'WKST', 'BYDAY', 'BYSETPOS'];
  const named = [...known, ...lists.map((name) => `BY${name}`)];
  const strange = [...parts].some(([name, text]) => !named.includes(name) || text === undefined);
  if (frequency === undefined || strange) throw invalid();
  if (parts.has('COUNT') && parts.has('UNTIL')) throw invalid();
  const by = Object.fromEntries(lists.map((name) => [name, numbers(parts.get(`BY${name}`))]));
  const until = parts.get('UNTIL');
  return {
    frequency,
    interval: positive(parts.get('INTERVAL')) ?? 1,
    count: positive(parts.get('COUNT')),
    untilWallMs: until === undefined ? undefined : untilOf(until, zone),
    weekStart: weekdayOf(parts.get('WKST') ?? 'MO'),
    byDay: (parts.get('BYDAY') ?? '').split(',').filter(Boolean).map(byDayOf),
    by: by as Rule['by'],
    bySetPos: numbers(parts.get('BYSETPOS')),
  };
}

/** A date alone includes that whole day. */
function untilOf(text: string, zone: string): number {
  const wallMs = wallOf(text, zone, zone);
  return text.includes('T') ? wallMs : wallMs + 86_399_999;
}

function positive(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalid();
  return Number(text);
}

function numbers(text: string | undefined): number[] {
  if (text === undefined) return [];
  if (!/^[+-]?\d{1,3}(,[+-]?\d{1,3})*$/.test(text)) throw invalid();
  return text.split(',').map(Number);
}

function weekdayOf(text: string): number {
  const weekday = weekdays.indexOf(text);
  if (weekday === -1) throw invalid();
  return weekday;
}

function byDayOf(text: string): ByDay {
  const match = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(text);
  if (match === null) throw invalid();
  return { nth: Number(match[1] ?? 0), weekday: weekdayOf(match[2]!) };
}
