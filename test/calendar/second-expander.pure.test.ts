import { RRuleTemporal } from 'rrule-temporal';
import { describe, expect, test } from 'vitest';
import { anEvent, expanded, inNewYork, iso, zoned } from './an-event.ts';

const DAY_MS = 86_400_000;
const DAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;
type Frequency = 'YEARLY' | 'MONTHLY' | 'WEEKLY' | 'DAILY' | 'HOURLY' | 'MINUTELY';

interface Given {
  rule: string;
  /** Local, to the second. */
  start: string;
  zone: string;
}

/** The same rules in every run: a linear congruential generator with a fixed seed. */
function generator(seed: number) {
  let state = seed;
  const chance = (share: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 < share;
  };
  const between = (low: number, high: number): number => {
    chance(1);
    return low + Math.floor((state / 2 ** 32) * (high - low + 1));
  };
  const signed = (high: number) => between(1, high) * (chance(0.4) ? -1 : 1);
  const oneOf = <T>(list: readonly T[]): T => list[between(0, list.length - 1)]!;
  const list = (most: number, make: () => string | number) =>
    [...new Set(Array.from({ length: between(1, most) }, make))].join(',');
  return { chance, between, signed, oneOf, list };
}
type Source = ReturnType<typeof generator>;

/** Weeks that lie within one calendar year. */
const midYear = ({ between, chance }: Source): number => between(2, 51) * (chance(0.4) ? -1 : 1);

function aRule(source: Source, frequency: Frequency): string {
  const { chance, between, signed, oneOf, list } = source;
  const parts = [`FREQ=${frequency}`];
  const add = (share: number, part: string, value: () => string) => {
    if (!chance(share)) return false;
    parts.push(`${part}=${value()}`);
    return true;
  };
  const isSubDaily = frequency === 'HOURLY' || frequency === 'MINUTELY';
  const hasMonths = add(0.3, 'BYMONTH', () => list(4, () => between(1, 12)));
  const hasWeeks =
    frequency === 'YEARLY' && add(0.2, 'BYWEEKNO', () => list(3, () => midYear(source)));
  const hasYearDays =
    (isSubDaily || (frequency === 'YEARLY' && !hasWeeks)) &&
    add(0.15, 'BYYEARDAY', () => list(5, () => signed(366)));
  // What follows leaves out the combinations listed as deviations below.
  const isFree = !hasWeeks && (isSubDaily || !hasYearDays);
  const hasMonthDays =
    frequency !== 'WEEKLY' && isFree && add(0.3, 'BYMONTHDAY', () => list(5, () => signed(31)));
  const isMonthly = frequency === 'MONTHLY' || (frequency === 'YEARLY' && hasMonths);
  const takesNth = isMonthly || (frequency === 'YEARLY' && !hasWeeks && !hasMonthDays);
  if (isFree || hasWeeks) {
    const isNth = takesNth && !hasMonthDays && chance(0.5);
    const nth = () => (isNth ? signed(isMonthly ? 5 : 52) : '');
    add(0.5, 'BYDAY', () => list(4, () => `${nth()}${oneOf(DAYS)}`));
  }
  add(0.2, 'BYHOUR', () => list(3, () => between(4, 23)));
  add(0.2, 'BYMINUTE', () => list(3, () => between(0, 59)));
  if (parts.length > 1) add(0.3, 'BYSETPOS', () => list(2, () => signed(4)));
  if (!hasWeeks) add(0.5, 'INTERVAL', () => String(between(2, 5)));
  add(0.3, 'WKST', () => oneOf(['SU', 'MO', 'WE']));
  return parts.join(';');
}

const two = (value: number): string => String(value).padStart(2, '0');
const aStart = ({ between }: Source): string =>
  `20${between(10, 26)}-${two(between(1, 12))}-${two(between(1, 28))}T${two(between(4, 20))}:${two(between(0, 59))}:00`;

const COMPARED = 60;

function windowFrom(given: Given) {
  const fromAt = Date.parse(`${given.start}Z`) - DAY_MS;
  const days = /HOURLY|MINUTELY/.test(given.rule) ? 12 : 1500;
  return { fromAt, untilAt: fromAt + days * DAY_MS };
}

function ours(given: Given): string[] {
  const master = anEvent({
    start: zoned(given.start, given.zone),
    recurrence: [`RRULE:${given.rule}`],
  });
  const limits = { maxOccurrences: 20_000, maxSteps: 1e7 };
  const { spans } = expanded({ master, window: windowFrom(given), limits });
  return spans.slice(0, COMPARED).map((span) => iso(span.startAt));
}

/** A convention of ours: days of the month in a yearly rule are in the month of DTSTART. */
const withOurMonth = ({ rule, start }: Given): string =>
  /FREQ=YEARLY.*BYMONTHDAY/.test(rule) && !/BYMONTH=|BYYEARDAY|BYWEEKNO/.test(rule)
    ? `${rule};BYMONTH=${Number(start.slice(5, 7))}`
    : rule;

function theirs(given: Given): string[] {
  const rule = new RRuleTemporal({
    rruleString: `DTSTART;TZID=${given.zone}:${given.start.replaceAll(/[-:]/g, '')}\nRRULE:${withOurMonth(given)}`,
    maxIterations: 100_000,
    maxCandidateEvaluations: 10_000_000,
  });
  const { fromAt, untilAt } = windowFrom(given);
  const found = rule.between(new Date(fromAt), new Date(untilAt - 1), true);
  return found.slice(0, COMPARED).map((at) => iso(at.epochMilliseconds));
}

/** A start that fits the rule, for what DTSTART means elsewhere is left open. */
function fitted(given: Given): Given | null {
  const first = ours(given)[1];
  if (first === undefined) return null;
  const local = given.zone === 'UTC' ? first.slice(0, 19) : `${inNewYork(Date.parse(first))}:00`;
  return { ...given, start: local };
}

describe('against a second expander', () => {
  test.each<[Frequency, string]>([
    ['YEARLY', 'America/New_York'],
    ['MONTHLY', 'America/New_York'],
    ['WEEKLY', 'America/New_York'],
    ['DAILY', 'America/New_York'],
    ['HOURLY', 'UTC'],
    ['MINUTELY', 'UTC'],
  ])('generated %s rules in %s give the same instants', (frequency, zone) => {
    const source = generator(20_261_121);
    let compared = 0;
    for (let round = 0; round < 80; round += 1) {
      const given = fitted({ rule: aRule(source, frequency), start: aStart(source), zone });
      if (!given) continue;
      const rule = source.chance(0.3) ? `${given.rule};COUNT=${source.between(2, 30)}` : given.rule;
      const counted = { ...given, rule };
      expect({ ...counted, starts: ours(counted) }).toEqual({
        ...counted,
        starts: theirs(counted),
      });
      compared += 1;
    }
    expect(compared).toBeGreaterThan(30);
  });
});

describe('where rrule-temporal differs, the RFC decides', () => {
  const zone = 'America/New_York';
  const deviations: [string, Given, string[]][] = [
    [
      'BYDAY limits BYYEARDAY (§3.3.10, note 2)',
      {
        zone,
        start: '2015-05-29T14:00:00',
        rule: 'FREQ=YEARLY;BYYEARDAY=121,149,169;BYDAY=FR,SA,SU',
      },
      ['2015-05-29', '2016-04-30', '2016-05-28', '2016-06-17', '2017-06-18'],
    ],
    [
      'BYMONTHDAY limits BYYEARDAY',
      {
        zone,
        start: '2011-06-10T07:00:00',
        rule: 'FREQ=YEARLY;BYYEARDAY=161,329;BYMONTHDAY=10,24',
      },
      ['2011-06-10', '2012-11-24', '2013-06-10', '2014-06-10', '2015-06-10'],
    ],
    [
      'a numbered weekday limits BYMONTHDAY',
      { zone, start: '2025-10-02T18:00:00', rule: 'FREQ=YEARLY;BYMONTHDAY=2,7,8;BYDAY=40TH' },
      ['2025-10-02', '2027-10-07'],
    ],
    [
      'a week belongs to its own year, also with its days in the next',
      { zone, start: '2027-01-01T11:00:00', rule: 'FREQ=YEARLY;BYWEEKNO=-1;BYDAY=FR,SA;COUNT=4' },
      ['2027-01-01', '2027-01-02', '2027-12-31', '2028-01-01'],
    ],
    [
      'a year without a 53rd Thursday has none',
      { zone, start: '2015-12-31T10:00:00', rule: 'FREQ=YEARLY;BYDAY=53TH' },
      ['2015-12-31'],
    ],
  ];

  test.each(deviations)('%s', (_, given, wanted) => {
    expect(
      ours(given)
        .slice(0, 5)
        .map((at) => at.slice(0, 10)),
    ).toEqual(wanted);
    expect(theirs(given)).not.toEqual(ours(given));
  });

  test('hours are counted on the wall here, and elapse there', () => {
    const given = { zone, start: '2024-03-09T20:00:00', rule: 'FREQ=HOURLY;INTERVAL=8;COUNT=3' };
    expect(ours(given)).toEqual([
      '2024-03-10T01:00:00Z',
      '2024-03-10T08:00:00Z',
      '2024-03-10T16:00:00Z',
    ]);
    expect(theirs(given)[1]).toBe('2024-03-10T09:00:00Z');
  });
});
