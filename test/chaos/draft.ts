import type { Dice } from './dice.ts';
import { startsOf, weekdayName } from './rule.ts';
import type { Entry } from './entry.ts';
import { compact, dayNumber, dayText, instantOf, isDay, later, localOf, zText } from './wall.ts';

/** What a person has in mind before a channel's own words for it. */
export interface Draft {
  /** A day, or local time on the wall of `zone`. */
  start: string;
  /** IANA. */
  zone: string;
  /** Whole days of an all-day entry, else minutes. */
  length: number;
  nature: Entry['nature'];
  rule: DraftRule | null;
}

export interface DraftRule {
  kind: 'daily' | 'weekly' | 'month-day' | 'month-weekday';
  interval: number;
  end: { count: number } | { untilDay: string } | null;
  /** Also on the next day of the week. */
  twice: boolean;
  /** Takes out the second occurrence, or adds one where the rule has none. */
  date: 'none' | 'excluded' | 'added';
}

/** What a channel's people can say. */
export interface Vocabulary {
  zones: readonly string[];
  natures: readonly Entry['nature'][];
  /** Whether rules come with EXDATE and RDATE. */
  dates: boolean;
}

/** The last day that the judge looks at; series without end go on beyond it. */
export const LAST_DAY = 380;
const FURTHEST_START = 200;

export const today = (): string => new Date().toISOString().slice(0, 10);

export function draft(dice: Dice, words: Vocabulary): Draft {
  const repeats = dice.chance(0.35);
  const wholeDays = dice.chance(0.25);
  const day = later(today(), repeats ? dice.below(80) - 40 : 2 + dice.below(FURTHEST_START));
  const nature = dice.chance(0.6) ? 'busy' : dice.one(words.natures);
  return {
    start: wholeDays ? day : `${day}T${timeOf(dice)}`,
    zone: wholeDays ? words.zones[0]! : dice.one(words.zones),
    length: wholeDays ? 1 + dice.below(4) : lengthOf(dice),
    nature,
    rule: repeats ? ruleOf(dice, words, day) : null,
  };
}

/** The small hours too, where clocks change. */
export const timeOf = (dice: Dice): string =>
  `${String(1 + dice.below(22)).padStart(2, '0')}:${dice.one(['00', '15', '30', '45'])}:00`;

const lengthOf = (dice: Dice): number => (dice.chance(0.1) ? 26 * 60 : 15 * (1 + dice.below(12)));

function ruleOf(dice: Dice, words: Vocabulary, day: string): DraftRule {
  const kind = dice.one(['daily', 'weekly', 'weekly', 'month-day', 'month-weekday'] as const);
  const end = dice.below(3);
  // The rule must generate its first day everywhere: no 29th, and no fifth weekday.
  const isLate = Number(day.slice(8)) > 28;
  return {
    kind: isLate && kind.startsWith('month') ? 'weekly' : kind,
    interval: 1 + dice.below(2),
    end:
      end === 0
        ? { count: 2 + dice.below(20) }
        : end === 1
          ? { untilDay: later(day, 10 + dice.below(150)) }
          : null,
    twice: dice.chance(0.5),
    date: words.dates ? dice.one(['none', 'none', 'excluded', 'added'] as const) : 'none',
  };
}

/** RFC 5545 lines, as Google and iCalendar take them; `tzid` is how the zone is named there. */
export function linesOf({ start, zone, rule }: Draft): string[] {
  if (!rule) return [];
  const day = dayNumber(start);
  const nth = Math.ceil(Number(start.slice(8, 10)) / 7);
  const by = {
    daily: ['FREQ=DAILY'],
    weekly: [
      'FREQ=WEEKLY',
      `BYDAY=${[weekdayName(day), ...(rule.twice ? [weekdayName(day + 1)] : [])].join(',')}`,
    ],
    'month-day': ['FREQ=MONTHLY', `BYMONTHDAY=${Number(start.slice(8, 10))}`],
    'month-weekday': ['FREQ=MONTHLY', `BYDAY=${nth}${weekdayName(day)}`],
  }[rule.kind];
  const main = `RRULE:${[...by, `INTERVAL=${rule.interval}`, ...endOf(start, zone, rule)].join(';')}`;
  return [main, ...datesOf({ start, zone, rule }, main)];
}

function endOf(start: string, zone: string, { end }: DraftRule): string[] {
  if (end === null) return [];
  if ('count' in end) return [`COUNT=${end.count}`];
  const untilAt = () => instantOf(end.untilDay + start.slice(10), zone);
  return [`UNTIL=${compact(isDay(start) ? end.untilDay : zText(untilAt()))}`];
}

function datesOf({ start, zone, rule }: Pick<Draft, 'start' | 'zone' | 'rule'>, main: string) {
  if (rule!.date === 'none') return [];
  const kind = isDay(start) ? ';VALUE=DATE' : zone === 'UTC' ? '' : `;TZID=${zone}`;
  const mark = zone === 'UTC' && !isDay(start) ? 'Z' : '';
  const starts = startsOf({ start, zone, lines: [main] }, later(start.slice(0, 10), 400));
  if (rule!.date === 'excluded')
    return starts[1] === undefined ? [] : [`EXDATE${kind}:${compact(starts[1])}${mark}`];
  const added = dayText(dayNumber(start) + 17) + start.slice(10);
  return starts.includes(added) ? [] : [`RDATE${kind}:${compact(added)}${mark}`];
}

/** Exclusive; a day, or an instant as text. */
export function endOfDraft({ start, zone, length }: Draft): string {
  if (isDay(start)) return later(start, length);
  return zText(instantOf(start, zone) + length * 60_000);
}

export const localEnd = (wanted: Draft): string =>
  isDay(wanted.start) ? endOfDraft(wanted) : localOf(Date.parse(endOfDraft(wanted)), wanted.zone);
