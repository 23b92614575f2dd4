import { readWall } from './civil.ts';

const FREQUENCIES = [
  'SECONDLY',
  'MINUTELY',
  'HOURLY',
  'DAILY',
  'WEEKLY',
  'MONTHLY',
  'YEARLY',
] as const;
export type Frequency = (typeof FREQUENCIES)[number];

const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;

export interface RuleDay {
  /** 0 is Sunday. */
  weekday: number;
  /** Which one in the month or year, negative from its end; 0 means every one. */
  nth: number;
}

/** A recurrence rule, RFC 5545 §3.3.10. Empty lists are parts the rule does not have. */
export interface Rule {
  frequency: Frequency;
  interval: number;
  count: number | null;
  until: RuleUntil | null;
  /** 0 is Sunday. */
  weekStart: number;
  months: readonly number[];
  weekNumbers: readonly number[];
  yearDays: readonly number[];
  monthDays: readonly number[];
  days: readonly RuleDay[];
  hours: readonly number[];
  minutes: readonly number[];
  seconds: readonly number[];
  positions: readonly number[];
}

interface RuleUntil {
  form: 'date' | 'local' | 'utc';
  /** Wall seconds as written. */
  wall: number;
}

/**
 * Reads the value of an RRULE or EXRULE. Null when it does not say anything that can be followed:
 * no FREQ, a number out of range, an unknown weekday, a calendar other than Gregorian (RFC 7529).
 * Unknown parts (`X-…`) are passed over; parts may come in any order and case.
 */
export function parseRule(text: string): Rule | null {
  const known = rules.get(text);
  if (known !== undefined) return known;
  const rule = readRule(text);
  if (text.length > LONGEST_KEPT) return rule;
  if (rules.size >= RULES_KEPT) rules.clear();
  rules.set(text, rule);
  return rule;
}

/** Calendars repeat few rules very often; what a text means never changes. */
const rules = new Map<string, Rule | null>();
const RULES_KEPT = 1_000;

const LONGEST_KEPT = 500;

function readRule(text: string): Rule | null {
  const parts = new Map<string, string>();
  for (const part of text.trim().split(';')) {
    const at = part.indexOf('=');
    if (at > 0) parts.set(part.slice(0, at).trim().toUpperCase(), part.slice(at + 1).trim());
  }
  const frequency = FREQUENCIES.find((one) => one === parts.get('FREQ')?.toUpperCase());
  if (!frequency || !isGregorian(parts)) return null;
  const lists = readLists(parts);
  const days = readDays(parts.get('BYDAY'));
  const until = readUntil(parts.get('UNTIL'));
  const interval = readPositive(parts.get('INTERVAL') ?? '1');
  const count = parts.has('COUNT') ? readPositive(parts.get('COUNT')!) : null;
  const weekStart = WEEKDAYS.findIndex((one) => one === (parts.get('WKST') ?? 'MO').toUpperCase());
  if (!lists || !days || interval === null || weekStart < 0) return null;
  if ((parts.has('UNTIL') && !until) || (parts.has('COUNT') && count === null)) return null;
  return { frequency, interval, count, until, weekStart, days, ...lists };
}

function isGregorian(parts: ReadonlyMap<string, string>): boolean {
  const skip = parts.get('SKIP')?.toUpperCase() ?? 'OMIT';
  return (parts.get('RSCALE')?.toUpperCase() ?? 'GREGORIAN') === 'GREGORIAN' && skip === 'OMIT';
}

const LISTS = {
  months: { part: 'BYMONTH', low: 1, high: 12, signed: false },
  weekNumbers: { part: 'BYWEEKNO', low: 1, high: 53, signed: true },
  yearDays: { part: 'BYYEARDAY', low: 1, high: 366, signed: true },
  monthDays: { part: 'BYMONTHDAY', low: 1, high: 31, signed: true },
  hours: { part: 'BYHOUR', low: 0, high: 23, signed: false },
  minutes: { part: 'BYMINUTE', low: 0, high: 59, signed: false },
  seconds: { part: 'BYSECOND', low: 0, high: 60, signed: false },
  positions: { part: 'BYSETPOS', low: 1, high: 366, signed: true },
} as const;
type ListName = keyof typeof LISTS;

function readLists(parts: ReadonlyMap<string, string>): Record<ListName, number[]> | null {
  const lists: Partial<Record<ListName, number[]>> = {};
  for (const name of Object.keys(LISTS) as ListName[]) {
    const list = readNumbers(parts.get(LISTS[name].part), LISTS[name]);
    if (!list) return null;
    lists[name] = list;
  }
  const whole = lists as Record<ListName, number[]>;
  // A leap second is counted as the second before it, as in civil.ts.
  return { ...whole, seconds: ordered(whole.seconds.map((second) => Math.min(second, 59))) };
}

interface Range {
  low: number;
  high: number;
  signed: boolean;
}

function readNumbers(text: string | undefined, range: Range): number[] | null {
  if (text === undefined) return [];
  const numbers = text
    .split(',')
    .map((one) => (/^\s*[+-]?\d{1,3}\s*$/.test(one) ? Number(one) : NaN));
  const fits = numbers.every((one) => {
    const size = range.signed ? Math.abs(one) : one;
    return size >= range.low && size <= range.high;
  });
  return fits ? ordered(numbers) : null;
}

const ordered = (numbers: number[]): number[] => [...new Set(numbers)].toSorted((a, b) => a - b);

function readDays(text: string | undefined): RuleDay[] | null {
  if (text === undefined) return [];
  const days = new Map<string, RuleDay>();
  for (const one of text.split(',')) {
    const match = /^\s*([+-]?\d{1,2})?(SU|MO|TU|WE|TH|FR|SA)\s*$/i.exec(one);
    if (!match) return null;
    const nth = Number(match[1] ?? '0');
    if ((match[1] !== undefined && nth === 0) || Math.abs(nth) > 53) return null;
    const weekday = WEEKDAYS.findIndex((day) => day === match[2]!.toUpperCase());
    days.set(`${nth} ${weekday}`, { nth, weekday });
  }
  return [...days.values()];
}

function readUntil(text: string | undefined): RuleUntil | null {
  const reading = text === undefined ? null : readWall(text);
  if (!reading) return null;
  return { form: reading.isUtc ? 'utc' : reading.hasTime ? 'local' : 'date', wall: reading.wall };
}

function readPositive(text: string): number | null {
  const value = /^\+?\d{1,15}$/.test(text) ? Number(text) : 0;
  return value > 0 ? value : null;
}
