import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/channels/channel-provider.ts';
import { openPlace, type Place } from './place.ts';
import { mannerIndex, mannerOf } from './manners.ts';
import { prepare, run } from './trial.ts';

const USUAL_SEEDS = '1-10';
const BATCH_MS = 150_000;

/**
 * One test a seed. `CHAOS_SEEDS` (`7`, `1-200`) says which; `npm run chaos` sets it. A seed decides
 * every edit, trouble and death and their order, not the instants at which they meet us.
 */
export function convergence(channel: Channel): void {
  const seeds = seedsIn(process.env['CHAOS_SEEDS'] ?? USUAL_SEEDS);
  describe(`copies of ${channel} calendars converge after random edits, troubles and deaths`, () => {
    let place: Place | undefined;
    const outcomes = new Map<number, Promise<string | null>>();
    beforeAll(async () => {
      place = await openPlace(channel);
      const opened = place;
      let before: Promise<unknown> = Promise.resolve();
      for (const batch of batchesOf(seeds)) {
        const started = before.then(() => runBatch(opened, batch));
        for (const seed of batch)
          outcomes.set(
            seed,
            started.then((all) => all.get(seed)!),
          );
        before = started;
      }
    });
    afterAll(async () => {
      await place?.stop();
    });

    const timeoutMs = BATCH_MS * batchesOf(seeds).length;
    test.each(seeds)('seed %i', { timeout: timeoutMs }, async (seed) => {
      expect(await outcomes.get(seed)!, 'what went wrong').toBeNull();
    });
  });
}

/** Seeds that share a manner run beside each other. */
function batchesOf(seeds: readonly number[]): number[][] {
  const batches: number[][] = [];
  for (const seed of seeds) (batches[mannerIndex(seed)] ??= []).push(seed);
  return batches.filter(Boolean);
}

/** What each seed failed with; null where all was well. */
async function runBatch(
  place: Place,
  seeds: readonly number[],
): Promise<Map<number, string | null>> {
  await place.holdfast.control('PUT', '/switches', mannerOf(place.channel, seeds[0]!));
  const trials = await Promise.all(
    seeds.map((seed) => prepare(place, seed).catch((error: unknown) => ({ seed, error }))),
  );
  const outcomes = await Promise.all(
    trials.map(async (trial): Promise<[number, string | null]> => {
      if ('error' in trial) return [trial.seed, report(place.channel, trial)];
      const { seed, diary } = trial;
      return run(trial).then(
        () => [seed, null],
        (error: unknown) => [seed, report(place.channel, { seed, error, diary })],
      );
    }),
  );
  return new Map(outcomes);
}

function report(
  channel: Channel,
  { seed, error, diary = [] }: { seed: number; error: unknown; diary?: string[] },
): string {
  return [
    inspect(error),
    'What happened:',
    ...diary.map((line, n) => `  ${n + 1}. ${line}`),
    `Again: npm run chaos -- --channel ${channel} --seed ${seed}`,
  ].join('\n');
}

/** `7`, `1-200`. */
function seedsIn(text: string): number[] {
  const [first, last = first] = text.split('-').map(Number);
  if (!Number.isInteger(first) || !Number.isInteger(last) || first! < 1 || last! < first!)
    throw new Error('CHAOS_SEEDS takes a number from 1, or a range such as 1-200.');
  return Array.from({ length: last! - first! + 1 }, (_, n) => first! + n);
}
