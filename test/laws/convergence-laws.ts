import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptyCopy, freshCopy, hourOn, meaning, runPass } from './bench.ts';
import type { Bench, BenchCalendar } from './bench.ts';

const STEPS = 40;

/**
 * Our side and a second client at one calendar, in an order that a seed makes: pulls between edits,
 * mirrors of our own, edits between pages. Once both rest, our copy is what a first reading finds.
 */
export function convergenceLaws(
  where: string,
  { open, seeds }: { open: () => Promise<Bench>; seeds: readonly number[] },
): void {
  describe(`with a second client at ${where}`, () => {
    let opened: Bench | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());

    test.each(seeds)('copies converge after random edits, seed %i', async (seed) => {
      const bench = opened!;
      const at = await bench.newCalendar();
      const copy = emptyCopy();
      const world: World = { bench, at, pick: picker(seed), ids: [], series: [], mirrors: 0 };
      for (let step = 0; step < STEPS; step += 1) {
        if (world.pick(4) > 0) await edit(world);
        else await runPass(bench, at, { copy, betweenPages: () => edit(world) });
      }
      await runPass(bench, at, { copy });
      await runPass(bench, at, { copy });
      expect(meaning(copy)).toEqual(meaning(await freshCopy(bench, at)));
      const told = [...copy.events.values()].filter(({ seriesId, marker }) => !seriesId && !marker);
      expect(told.map(({ nativeId }) => nativeId).toSorted()).toEqual(
        [...world.ids, ...world.series].toSorted(),
      );
    });
  });
}

interface World {
  bench: Bench;
  at: BenchCalendar;
  pick: (below: number) => number;
  ids: string[];
  series: string[];
  mirrors: number;
}

async function edit(world: World): Promise<void> {
  const { bench, at, pick, ids, series } = world;
  const some = hourOn(pick(200), pick(20));
  const id = ids[pick(Math.max(1, ids.length))];
  const one = series[pick(Math.max(1, series.length))];
  switch (pick(7)) {
    case 0:
    case 1:
      ids.push(...(await bench.seedEvents(at, [some, hourOn(pick(200))])));
      return;
    case 2:
      if (id) await bench.editEvent(at, id, some);
      return;
    case 3:
      if (id) await bench.deleteEvent(at, ids.splice(ids.indexOf(id), 1)[0]!);
      return;
    case 4:
      series.push(...(await bench.seedEvents(at, [{ ...hourOn(4, 12), weeks: 20 }])));
      return;
    case 5:
      // A save without its exceptions takes them back; one with them moves or cancels.
      if (one && pick(3) === 0) await bench.editEvent(at, one, { ...hourOn(5, 12), weeks: 20 });
      else if (one)
        await bench.occurrences?.move(at, one, {
          ...hourOn(pick(200), 16),
          from: hourOn(4 + 7 * pick(5), 12).startAt,
        });
      return;
    default:
      await mirror(world);
  }
}

async function mirror(world: World): Promise<void> {
  const { bench, at, pick } = world;
  const key = { ...at, id: `mirror-${pick(3)}`, generation: 0 };
  if (pick(3) === 0) return bench.provider.remove({ ...key, nativeId: null, ifMatch: null });
  const { startAt, endAt } = hourOn(pick(200), 20);
  const event = { startAt, endAt, status: 'confirmed' as const, summary: 'Booked', marker: key.id };
  await bench.provider.write({ ...key, event, ifMatch: null });
}

function picker(seed: number): (below: number) => number {
  let state = (seed * 48_271 + 11) % 2_147_483_647;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
