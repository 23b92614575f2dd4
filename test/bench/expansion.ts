import { createRequire } from 'node:module';
import type * as Rrule from 'rrule';
import { localText } from '../../src/calendar/civil.ts';
import { occurrences } from '../../src/calendar/occurrences.ts';
import { takenSpans } from '../../src/calendar/recurrence.ts';
import { parseRule } from '../../src/calendar/rule.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { ratioLine, type Bench } from './bench.ts';
import { interleaved, median } from './measure.ts';

/** Its own build for Node, whose named exports an import does not see. */
const { rrulestr } = createRequire(import.meta.url)('rrule') as typeof Rrule;

const ROUNDS = 5;
const OURS_MS = 500;
const ZONES = ['Europe/Paris', 'America/New_York', 'America/Sao_Paulo'];
const RULES = [
  'FREQ=WEEKLY',
  'FREQ=WEEKLY;BYDAY=MO,WE,FR',
  'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU',
  'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=9999',
  'FREQ=WEEKLY;UNTIL=20991231T000000Z',
  'FREQ=DAILY;INTERVAL=3',
  'FREQ=MONTHLY;BYMONTHDAY=15',
  'FREQ=MONTHLY;BYDAY=2TU',
  'FREQ=MONTHLY;BYDAY=-1FR;COUNT=9999',
  'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
  'FREQ=YEARLY',
  'FREQ=YEARLY;BYMONTH=3,9;BYDAY=1SU',
];

const YEAR = 2026;
const WINDOW = { fromAt: Date.UTC(YEAR, 0, 1), untilAt: Date.UTC(YEAR + 1, 0, 1) };

interface Given {
  rule: string;
  zone: string;
  /** Local, at noon, so that no zone carries it into another day. */
  start: string;
}

/** Each begins with the first occurrence of its year: elsewhere the two mean different things. */
const rulesFrom = (year: number): Given[] =>
  ZONES.flatMap((zone) => RULES.map((rule) => ({ rule, zone, start: startOf(rule, year) })));

function startOf(rule: string, year: number): string {
  const from = Date.UTC(year, 0, 1, 12) / 1_000;
  const walk = {
    start: from,
    from,
    until: from + 400 * 86_400,
    limit: 1,
    budget: { left: 10_000 },
  };
  return localText(occurrences({ ...walk, rule: parseRule(rule)! })[0]!);
}

/**
 * Rules over one year, from their text to instants, against rrule.js; then rules that began twenty
 * years ago against those that begin in the year.
 */
export const expansion: Bench = {
  name: 'expansion',
  async run() {
    const [fresh, old] = [rulesFrom(YEAR), rulesFrom(YEAR - 20)];
    agree(fresh);
    perSecond(fresh, OURS_MS);
    const against = await interleaved(ROUNDS, {
      reference: async () => referencePerSecond(fresh),
      product: async () => perSecond(fresh, OURS_MS),
    });
    const ages = await interleaved(ROUNDS, {
      reference: async () => perSecond(fresh, OURS_MS),
      product: async () => perSecond(old, OURS_MS),
    });
    const line = { name: 'expansion', unit: 'rules/s over a year' };
    return [
      ratioLine({ ...line, ...against }, { atLeast: 100 }),
      ratioLine({ ...line, name: 'expansion-old', ...ages }, { atLeast: 0.7 }),
    ];
  },
};

/** A bench of something that is wrong would measure nothing. */
function agree(given: readonly Given[]): void {
  for (const one of given) {
    const [ours, theirs] = [expanded(one), referenceExpanded(one)];
    if (ours !== theirs)
      throw new Error(`${one.rule} in ${one.zone} gives ${ours} here and ${theirs} in rrule.js.`);
  }
}

function perSecond(given: readonly Given[], forMs: number): number {
  const rates: number[] = [];
  const startedAt = performance.now();
  while (performance.now() - startedAt < forMs) {
    const roundAt = performance.now();
    for (const one of given) expanded(one);
    rates.push((given.length * 1_000) / (performance.now() - roundAt));
  }
  return median(rates);
}

function referencePerSecond(given: readonly Given[]): number {
  const startedAt = performance.now();
  for (const one of given) referenceExpanded(one);
  return (given.length * 1_000) / (performance.now() - startedAt);
}

/** How many occurrences start in the year. */
function expanded({ rule, zone, start }: Given): number {
  const master: NeutralEvent = {
    nativeId: 'a',
    uid: 'a',
    seriesId: null,
    originalStart: null,
    status: 'confirmed',
    transparency: 'opaque',
    kind: 'default',
    start: { kind: 'zoned', local: start, zone },
    end: null,
    recurrence: [`RRULE:${rule}`],
    thisAndFuture: false,
    sequence: 0,
    etag: null,
    updatedAt: null,
    marker: null,
  };
  return takenSpans({ master, exceptions: [], window: WINDOW, defaultZone: 'UTC' }).spans.length;
}

function referenceExpanded({ rule, zone, start }: Given): number {
  const local = start.replaceAll(/[-:]/g, '');
  const parsed = rrulestr(`DTSTART;TZID=${zone}:${local}\nRRULE:${rule}`);
  return parsed.between(new Date(WINDOW.fromAt), new Date(WINDOW.untilAt - 1), true).length;
}
