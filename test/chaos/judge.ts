import { copyOf } from './copy.ts';
import { LAST_DAY, today } from './draft.ts';
import { compare, hashOf, leftBy, takenBy, united, type Entry, type Span } from './entry.ts';
import { acceptRemovals, type Trial } from './rest.ts';
import { DAY_MS, later } from './wall.ts';

/**
 * At rest our copy is the channel's, by hash, and what is free is what an expansion of the channel's
 * own listing leaves. Absence that a channel must confirm is confirmed by an operator, once it is
 * seen that nothing but absence is open.
 */
export async function judge(trial: Trial): Promise<void> {
  const { place, world, zone, person } = trial;
  const there = seen(trial, await world.entries(zone));
  const first = await copyOf(place.holdfast, trial.connectionId, zone);
  if (mayHoldBack(trial) && first.missing.length > 0) {
    const { lacking, extra, other } = compare(there, seen(trial, first.entries));
    const open = extra.filter(({ id }) => !first.missing.includes(id));
    if (lacking.length + other.length + open.length > 0)
      throw differs('while removals are held back', { lacking, extra: open, other });
    await acceptRemovals(trial);
  }
  const copy = await copyOf(place.holdfast, trial.connectionId, zone);
  const here = seen(trial, copy.entries);
  if (hashOf(here) !== hashOf(there)) throw differs('at rest', compare(there, here));
  if (copy.withheld.length > 0) throw new Error(`Not understood: ${copy.withheld.join(', ')}`);
  await judgeAvailability(trial, there);
  if (person.refused * 4 > person.made)
    throw new Error(`The channel refused ${person.refused} of ${person.made} edits: a weak test.`);
}

const seen = ({ world }: Trial, entries: readonly Entry[]): Entry[] =>
  world.seen ? world.seen(entries) : [...entries];

/** Feeds confirm absence always, others only where they listed everything anew. */
const mayHoldBack = ({ place, lostPlace }: Trial): boolean => place.channel === 'ical' || lostPlace;

async function judgeAvailability(trial: Trial, there: readonly Entry[]): Promise<void> {
  const { place, resourceId, zone, tentative } = trial;
  const window = {
    startAt: Date.parse(later(today(), 2)),
    endAt: Date.parse(later(today(), LAST_DAY)),
  };
  const expected = leftBy(takenBy(there, { zone, tentative, window }), window);
  const { status, body } = await place.holdfast.call(
    'GET',
    `/resources/${resourceId}/availability?from=${textOf(window.startAt)}&to=${textOf(window.endAt)}`,
  );
  if (status !== 200) throw new Error(`availability: ${JSON.stringify(body)}`);
  const spans = (body.spans as { startAt: string; endAt: string }[]).map((one) => ({
    startAt: Date.parse(one.startAt),
    endAt: Date.parse(one.endAt),
  }));
  const said = united(spans, window);
  const wrong = [...without(said, expected, 'free here only'), ...without(expected, said, 'taken')];
  if (wrong.length > 0) throw new Error(`Availability differs:\n${wrong.slice(0, 10).join('\n')}`);
}

const textOf = (at: number): string => new Date(at).toISOString();

function without(some: readonly Span[], others: readonly Span[], word: string): string[] {
  const known = new Set(others.map(({ startAt, endAt }) => `${startAt}/${endAt}`));
  return some
    .filter(({ startAt, endAt }) => !known.has(`${startAt}/${endAt}`))
    .map(({ startAt, endAt }) => {
      const days = ((endAt - startAt) / DAY_MS).toFixed(2);
      return `${word}: ${textOf(startAt)} to ${textOf(endAt)} (${days} days)`;
    });
}

function differs(when: string, difference: ReturnType<typeof compare>): Error {
  const { lacking, extra, other } = difference;
  const lines = [
    ...lacking.map((entry) => `lacks ${JSON.stringify(entry)}`),
    ...extra.map((entry) => `has besides ${JSON.stringify(entry)}`),
    ...other.map(
      (one) => `differs: there ${JSON.stringify(one.there)}\n  here ${JSON.stringify(one.here)}`,
    ),
  ];
  return new Error(`Our copy is not the channel's ${when}:\n${lines.slice(0, 12).join('\n')}`);
}
