import { setTimeout as sleep } from 'node:timers/promises';

/** How long `count` works took together, and each by itself. */
export interface Load {
  perSecond: number;
  latenciesMs: number[];
}

/** `concurrency` callers, each with one work under way at a time, for so long or so many. */
export async function closedLoop(
  options: { concurrency: number; durationMs?: number; count?: number },
  work: (index: number) => Promise<unknown>,
): Promise<Load> {
  const { concurrency, durationMs = Infinity, count = Infinity } = options;
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  let begun = 0;
  const caller = async () => {
    while (begun < count && performance.now() - startedAt < durationMs) {
      const index = begun;
      begun += 1;
      const askedAt = performance.now();
      await work(index);
      latenciesMs.push(performance.now() - askedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const seconds = (performance.now() - startedAt) / 1_000;
  return { perSecond: latenciesMs.length / seconds, latenciesMs };
}

/** Works begun at a steady rate, whether or not earlier ones are done; latency from the due time. */
export async function openLoop(
  options: { perSecond: number; durationMs: number },
  work: (index: number) => Promise<unknown>,
): Promise<Load> {
  const latenciesMs: number[] = [];
  const running: Promise<unknown>[] = [];
  const startedAt = performance.now();
  const total = Math.floor((options.perSecond * options.durationMs) / 1_000);
  for (let index = 0; index < total;) {
    const due = Math.min(total, ((performance.now() - startedAt) * options.perSecond) / 1_000);
    for (; index < due; index += 1) {
      const dueAt = startedAt + (index * 1_000) / options.perSecond;
      running.push(work(index).then(() => latenciesMs.push(performance.now() - dueAt)));
    }
    await sleep(1);
  }
  await Promise.all(running);
  return { perSecond: (total * 1_000) / (performance.now() - startedAt), latenciesMs };
}

/**
 * Reference, product, reference, product, …, so that whatever else the machine does falls on both.
 * Answers the median of each side.
 */
export async function interleaved(
  rounds: number,
  sides: { reference: () => Promise<number>; product: () => Promise<number> },
): Promise<{ reference: number; value: number }> {
  const reference: number[] = [];
  const product: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    reference.push(await sides.reference());
    product.push(await sides.product());
  }
  return { reference: median(reference), value: median(product) };
}

export const median = (values: readonly number[]): number => percentile(values, 50);

/** Nearest rank. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(rank - 1, 0)] ?? Number.NaN;
}

/** Asks until the answer is yes. */
export async function until(
  ask: () => Promise<boolean>,
  options: { what: string; timeoutMs: number; everyMs?: number },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (!(await ask())) {
    if (performance.now() > deadline)
      throw new Error(`Not within ${options.timeoutMs / 1_000} s: ${options.what}.`);
    await sleep(options.everyMs ?? 100);
  }
}
