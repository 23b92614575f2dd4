import { DAY_MS, dayNumber, dayText, instantOf, isDay } from './wall.ts';

/**
 * Recurrence as a person would work it out: look at every day in turn and ask whether it fits. Only
 * the rules that chaos writes are read; anything else is an error of the test.
 */
interface Rule {
  freq: 'DAILY' | 'WEEKLY' | 'MONTHLY';
  interval: number;
  /** ISO weekdays, 1 to 7; `nth` is 0 where every such day of the period is meant. */
  weekdays: { weekday: number; nth: number }[];
  monthDay: number | null;
  count: number;
  /** Epoch milliseconds, or a day; inclusive. */
  until: string | null;
}

export interface Series {
  /** Day or local time of the first. */
  start: string;
  zone: string;
  /** `RRULE:`, `EXDATE…:`, `RDATE…:`. */
  lines: readonly string[];
}

const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];

export const weekdayOf = (day: number): number => ((day + 3) % 7) + 1;
export const weekdayName = (day: number): string => WEEKDAYS[weekdayOf(day) - 1]!;

/** Starts of a series up to a day, as days or local times; what EXDATE takes out is not there. */
export function startsOf({ start, zone, lines }: Series, lastDay: string): string[] {
  const rule = lines.find((line) => line.startsWith('RRULE:'));
  const time = start.slice(10);
  const ruled = rule
    ? daysOf(readRule(rule.slice(6)), { start, zone, lastDay }).map((day) => dayText(day) + time)
    : [start];
  const gone = new Set(datesIn(lines, 'EXDATE', zone).map((one) => keyOf(one, zone)));
  const all = [...ruled, ...datesIn(lines, 'RDATE', zone)];
  const byKey = new Map(all.map((one) => [keyOf(one, zone), one]));
  return [...byKey].filter(([key]) => !gone.has(key)).map(([, one]) => one);
}

/** Days compare as days, times as instants. */
export const keyOf = (start: string, zone: string): string =>
  isDay(start) ? start : String(start.endsWith('Z') ? Date.parse(start) : instantOf(start, zone));

function datesIn(lines: readonly string[], name: string, zone: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${name};`) || line.startsWith(`${name}:`))
    .flatMap((line) => {
      const colon = line.indexOf(':');
      const named = /;TZID=([^;:]+)/.exec(line.slice(0, colon))?.[1] ?? zone;
      if (named !== zone) throw new Error(`A date in another zone than its series: ${line}`);
      return line
        .slice(colon + 1)
        .split(',')
        .map((text) => spelled(zone === 'UTC' ? text.replace(/Z$/, '') : text));
    });
}

/** `20261201[T100000[Z]]` with its separators. */
export const spelled = (text: string): string =>
  text.replace(/^(\d{4})(\d\d)(\d\d)/, '$1-$2-$3').replace(/T(\d\d)(\d\d)(\d\d)/, 'T$1:$2:$3');

export function readRule(text: string): Rule {
  const parts = new Map(text.split(';').map((part) => part.split('=') as [string, string]));
  const freq = parts.get('FREQ') as Rule['freq'];
  const until = parts.get('UNTIL');
  const known = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYDAY', 'BYMONTHDAY'];
  const strange = [...parts.keys()].find((name) => !known.includes(name));
  if (strange !== undefined || !['DAILY', 'WEEKLY', 'MONTHLY'].includes(freq))
    throw new Error(`Chaos does not write rules like ${text}`);
  return {
    freq,
    interval: Number(parts.get('INTERVAL') ?? 1),
    weekdays: (parts.get('BYDAY')?.split(',') ?? []).map((name) => ({
      weekday: WEEKDAYS.indexOf(name.slice(-2)) + 1,
      nth: Number(name.slice(0, -2)),
    })),
    monthDay: parts.has('BYMONTHDAY') ? Number(parts.get('BYMONTHDAY')) : null,
    count: Number(parts.get('COUNT') ?? Infinity),
    until: until === undefined ? null : spelled(until),
  };
}

interface Reach {
  start: string;
  zone: string;
  lastDay: string;
}

function daysOf(rule: Rule, { start, zone, lastDay }: Reach): number[] {
  const first = dayNumber(start);
  const days: number[] = [];
  for (let day = first; day <= dayNumber(lastDay) && days.length < rule.count; day += 1) {
    if (!fits(rule, day, first)) continue;
    if (isAfter(dayText(day) + start.slice(10), rule.until, zone)) break;
    days.push(day);
  }
  return days;
}

function isAfter(start: string, until: string | null, zone: string): boolean {
  if (until === null) return false;
  if (isDay(until) || isDay(start)) return start.slice(0, 10) > until.slice(0, 10);
  return instantOf(start, zone) > Date.parse(until);
}

function fits(rule: Rule, day: number, first: number): boolean {
  if (rule.freq === 'DAILY') return (day - first) % rule.interval === 0;
  if (rule.freq === 'WEEKLY') {
    const weeks = Math.floor((day + 3) / 7) - Math.floor((first + 3) / 7);
    const wanted = rule.weekdays.map((one) => one.weekday);
    return (
      weeks % rule.interval === 0 &&
      (wanted.length === 0 ? [weekdayOf(first)] : wanted).includes(weekdayOf(day))
    );
  }
  const [date, firstDate] = [new Date(day * DAY_MS), new Date(first * DAY_MS)];
  if ((monthOf(date) - monthOf(firstDate)) % rule.interval !== 0) return false;
  if (rule.weekdays.length === 0)
    return date.getUTCDate() === (rule.monthDay ?? firstDate.getUTCDate());
  return rule.weekdays.some(
    ({ weekday, nth }) =>
      weekday === weekdayOf(day) && (nth === 0 || nth === Math.ceil(date.getUTCDate() / 7)),
  );
}

const monthOf = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();
