import type { Dice } from './dice.ts';
import { draft, linesOf, timeOf, today, type Draft, type Vocabulary } from './draft.ts';
import { keyOf, startsOf } from './rule.ts';
import { isDay, later, zText } from './wall.ts';

/** Somebody's edits of a calendar, in the channel's own words. */
export interface Hand extends Vocabulary {
  create(wanted: Draft): Promise<string>;
  change(id: string, wanted: Draft): Promise<void>;
  remove(id: string): Promise<void>;
  /** `original`: a day, or local time on the wall of the series. */
  cancelOccurrence(item: Item, original: string): Promise<void>;
  moveOccurrence(item: Item, original: string, to: Draft): Promise<void>;
}

export interface Item {
  id: string;
  draft: Draft;
  /** Original starts that are exceptions by now. */
  excepted: Set<string>;
}

export interface Person {
  hand: Hand;
  dice: Dice;
  items: Item[];
  /** Edits that the channel would not take. */
  refused: number;
  made: number;
}

export const personOf = (hand: Hand, dice: Dice): Person => ({
  hand,
  dice,
  items: [],
  refused: 0,
  made: 0,
});

/** One edit; answers what it was, for whoever reads a failing seed. */
export async function edit(person: Person): Promise<string> {
  const { dice, items } = person;
  const roll = dice.below(100);
  const item = items.length === 0 ? undefined : dice.one(items);
  const series = items.filter((one) => one.draft.rule !== null);
  const one = series.length === 0 ? undefined : dice.one(series);
  const work =
    item === undefined || roll < 35
      ? () => create(person)
      : roll < 55
        ? () => change(person, item)
        : roll < 70 || one === undefined
          ? () => remove(person, item)
          : () => except(person, one);
  try {
    const what = await work();
    person.made += 1;
    return what;
  } catch (error) {
    // What a calendar refuses it refuses a person too, and nothing has changed there.
    if (!(error instanceof Error) || !/: 4\d\d /.test(error.message)) throw error;
    person.refused += 1;
    return `refused: ${error.message.slice(0, 120)}`;
  }
}

async function create({ hand, dice, items }: Person): Promise<string> {
  const wanted = draft(dice, hand);
  const id = await hand.create(wanted);
  items.push({ id, draft: wanted, excepted: new Set() });
  return `create ${id}: ${described(wanted)}`;
}

async function change({ hand, dice }: Person, item: Item): Promise<string> {
  const { draft: before } = item;
  const wholeDays = isDay(before.start);
  const day = before.start.slice(0, 10);
  // A rule goes by its first day, so a series moves on the clock only.
  const moved = before.rule ? day : later(day, 1 + dice.below(9));
  const wanted: Draft = dice.chance(0.3)
    ? { ...before, nature: dice.one(hand.natures) }
    : { ...before, start: wholeDays ? moved : `${moved}T${timeOf(dice)}`, length: longer(before) };
  await hand.change(item.id, wanted);
  item.draft = wanted;
  item.excepted.clear();
  return `change ${item.id}: ${described(wanted)}`;
}

const longer = ({ start, length }: Draft): number =>
  isDay(start) ? (length % 4) + 1 : ((length + 30) % 300) + 15;

async function remove({ hand, items }: Person, item: Item): Promise<string> {
  await hand.remove(item.id);
  items.splice(items.indexOf(item), 1);
  return `remove ${item.id}`;
}

async function except({ hand, dice }: Person, item: Item): Promise<string> {
  const { draft: of, excepted } = item;
  const ahead = startsOf({ ...of, lines: linesOf(of) }, later(today(), 120))
    .filter((start) => start.slice(0, 10) > later(today(), 2))
    .filter((start) => !excepted.has(start))
    .slice(0, 8);
  if (ahead.length === 0) return 'no occurrence is left to change';
  const original = dice.one(ahead);
  if (dice.chance(0.4)) {
    await hand.cancelOccurrence(item, original);
    excepted.add(original);
    return `cancel ${item.id} at ${original}`;
  }
  const wholeDays = isDay(original);
  const day = later(original.slice(0, 10), dice.below(3));
  const start = wholeDays ? day : `${day}T${timeOf(dice)}`;
  const to: Draft = { ...of, start, length: longer(of), rule: null };
  await hand.moveOccurrence(item, original, to);
  excepted.add(original);
  return `move ${item.id} at ${original} to ${to.start}`;
}

const described = (wanted: Draft): string =>
  [wanted.start, wanted.zone, wanted.length, wanted.nature, ...linesOf(wanted)].join(' ');

/** The instant, or the day, that an exception stands for. */
export const originalOf = (original: string, zone: string): string =>
  isDay(original) ? original : zText(Number(keyOf(original, zone)));
