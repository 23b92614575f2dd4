import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSignalPace } from '../../src/api/signal-pace.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const connection = (n: number) => ({ tenantId: 't', connectionId: `c-${n}` });
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

function open({ busy = 0, tookMs = 1 } = {}) {
  const sent: number[] = [];
  const state = { busy, running: 0, mostRunning: 0 };
  const pace = createSignalPace({
    async send({ connectionId }) {
      sent.push(Number(connectionId.slice(2)));
      state.running += 1;
      state.mostRunning = Math.max(state.mostRunning, state.running);
      await new Promise((resolve) => setTimeout(resolve, tookMs));
      state.running -= 1;
    },
    busyShare: () => state.busy,
  });
  /** A thousand notifications a second, each about a connection that is clean. */
  const storm = async (seconds: number, from = 0) => {
    for (let ms = 0; ms < seconds * 1_000; ms += 1) {
      pace.noted();
      pace.signal(connection(from + ms));
      await vi.advanceTimersByTimeAsync(1);
    }
  };
  return { pace, sent, state, storm };
}

test('on a calm day a signal goes at once', async () => {
  const { pace, sent } = open();
  for (const n of range(20)) {
    pace.noted();
    pace.signal(connection(n));
    expect(sent).toHaveLength(n + 1);
    await vi.advanceTimersByTimeAsync(100);
  }
});

test('a storm that leaves the process idle holds nothing back for long', async () => {
  const { sent, storm } = open({ busy: 0.3 });
  await storm(1);
  expect(sent.length).toBeGreaterThan(390);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sent).toEqual(range(1_000));
});

test('a process that is busy with other things holds nothing back', async () => {
  const { pace, sent } = open({ busy: 1 });
  for (const n of range(100)) {
    pace.noted();
    pace.signal(connection(n));
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(sent).toHaveLength(100);
});

test('while a storm keeps the process busy, signals trickle in the order they came', async () => {
  const { sent, state, storm } = open({ busy: 0.9 });
  await storm(1);
  const inFirstSecond = sent.length;
  expect(inFirstSecond).toBeLessThan(40);
  await storm(4, 1_000);
  expect(sent.length - inFirstSecond).toBeGreaterThanOrEqual(11);
  expect(sent.length - inFirstSecond).toBeLessThanOrEqual(13);
  expect(sent).toEqual(range(sent.length));
  state.busy = 0.1;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(sent).toEqual(range(5_000));
});

test('what is marked again while its signal waits is signalled once, in its place', async () => {
  const { pace, sent } = open({ tookMs: 50 });
  for (const n of [...range(12), ...range(12).slice(8)]) pace.signal(connection(n));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toEqual(range(12));
  pace.signal(connection(3));
  expect(sent.at(-1)).toBe(3);
});

test('only a few signals are under way at a time, however slow the workflow service is', async () => {
  const { pace, sent, state } = open({ tookMs: 5_000 });
  for (const n of range(40)) pace.signal(connection(n));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(state.mostRunning).toBe(8);
  expect(sent).toEqual(range(40));
});

test('what waits is bounded: the sweeper has the rest', async () => {
  const { pace, sent } = open();
  for (const n of range(10_100)) pace.signal(connection(n));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toEqual(range(10_008));
});

test('nothing ticks when nothing waits', async () => {
  const { pace, storm, state } = open({ busy: 0.9 });
  await storm(1);
  state.busy = 0;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(vi.getTimerCount()).toBe(0);
  pace.signal(connection(0));
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(vi.getTimerCount()).toBe(0);
});
