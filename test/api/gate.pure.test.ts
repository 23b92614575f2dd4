import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  createBatcher,
  createCoalescer,
  createLimiter,
  createRivalry,
} from '../../src/api/gate.ts';

test('a thousand who ask at once share two readings, and none gets one that began before he asked', async () => {
  const once = createCoalescer<number>();
  let readings = 0;
  const read = async () => {
    readings += 1;
    const mine = readings;
    await sleep(5);
    return mine;
  };
  const first = once('span', read);
  const others = Array.from({ length: 999 }, () => once('span', read));
  expect(await first).toBe(1);
  expect(new Set(await Promise.all(others))).toEqual(new Set([2]));
  expect(await once('span', read)).toBe(3);
});

test('a reading that fails fails for those who share it, and the next one is made anew', async () => {
  const once = createCoalescer<string>();
  let calls = 0;
  const read = async () => {
    calls += 1;
    await sleep(1);
    if (calls === 1) throw new Error('the first');
    return 'the second';
  };
  const [first, second] = await Promise.allSettled([once('k', read), once('k', read)]);
  expect(first.status).toBe('rejected');
  expect(second).toEqual({ status: 'fulfilled', value: 'the second' });
});

test('questions that come while one is answered are asked together, each with its own answer', async () => {
  const asked: number[][] = [];
  const askOf = createBatcher(async (asks: number[]) => {
    asked.push(asks);
    await sleep(2);
    return asks.map((n) => n * 2);
  });
  const answers = await Promise.all(Array.from({ length: 1_000 }, (_, n) => askOf(n)));
  expect(answers).toEqual(Array.from({ length: 1_000 }, (_, n) => n * 2));
  expect(asked.map((one) => one.length)).toEqual([1, 500, 499]);
});

test('a question that fails fails for all who asked together, and for nobody after them', async () => {
  let isDown = true;
  const askOf = createBatcher(async (asks: string[]) => {
    await sleep(1);
    if (isDown) throw new Error('away');
    return asks;
  });
  const outcomes = await Promise.allSettled([askOf('a'), askOf('b'), askOf('c')]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  isDown = false;
  expect(await askOf('d')).toBe('d');
});

test('no more than the limit run at a time, each key by itself', async () => {
  const limited = createLimiter(3);
  let running = 0;
  let most = 0;
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await sleep(2);
    running -= 1;
  };
  await Promise.all(Array.from({ length: 20 }, () => limited('one', work)));
  expect(most).toBe(3);
  let isHeld = true;
  const holding = limited('one', () => sleep(5)).finally(() => (isHeld = false));
  await limited('two', async () => expect(isHeld).toBe(true));
  await holding;
});

test('who wants the same as another hears when that one has tried, and who comes later does not', async () => {
  const among = createRivalry();
  const other = await among('unit', async (rivals) => {
    await among('another unit', async (one) => one.tried());
    const before = rivals.haveTried();
    await among('unit', async (one) => one.tried());
    const later = await among('unit', async (one) => one.haveTried());
    return { before, after: rivals.haveTried(), later };
  });
  expect(other).toEqual({ before: false, after: true, later: false });
  expect(await among('unit', async (one) => one.haveTried())).toBe(false);
});

test('a work that fails gives its place to the next', async () => {
  const limited = createLimiter(1);
  const failing = limited('k', async () => {
    await sleep(1);
    throw new Error('no');
  });
  const next = limited('k', async () => 'done');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('done');
});

test('who is let ahead goes before all who wait, in order of arrival', async () => {
  const limited = createLimiter(1);
  const order: string[] = [];
  const run = (name: string, ahead: boolean) =>
    limited('k', async () => void order.push(name), ahead);
  const holding = limited('k', () => sleep(2));
  await Promise.all([
    holding,
    run('third', false),
    run('first', true),
    run('last', false),
    run('second', true),
  ]);
  expect(order).toEqual(['first', 'second', 'third', 'last']);
});

describe('a line with bounds', () => {
  const bounds = (waiting: number, waitMs: number) => ({
    waiting,
    waitMs,
    refuse: (why: string) => new Error(why),
  });
  const outcomes = async (works: Promise<string>[]) =>
    (await Promise.allSettled(works)).map((one) =>
      one.status === 'fulfilled' ? one.value : (one.reason as Error).message,
    );

  test('takes so many and refuses the next at once, and those in it are served in order', async () => {
    const limited = createLimiter(1, bounds(2, 1_000));
    const served: number[] = [];
    const works = Array.from({ length: 5 }, (_, n) =>
      limited('k', async () => {
        await sleep(5);
        served.push(n);
        return 'done';
      }),
    );
    expect(await outcomes(works)).toEqual(['done', 'done', 'done', 'waiting', 'waiting']);
    expect(served).toEqual([0, 1, 2]);
    expect(await limited('other', async () => 'done')).toBe('done');
  });

  test('keeps nobody longer than it says, and his place goes to the next', async () => {
    const limited = createLimiter(1, bounds(10, 20));
    const long = limited('k', () => sleep(60, 'done'));
    const early = limited('k', async () => 'never');
    const first = outcomes([long, early]);
    await sleep(50);
    const late = limited('k', async () => 'done');
    expect(await first).toEqual(['done', 'waited']);
    expect(await late).toBe('done');
    expect(await limited('k', async () => 'free again')).toBe('free again');
  });
});
