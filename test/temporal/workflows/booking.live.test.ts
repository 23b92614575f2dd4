import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPlayhouse, type Act, type Playhouse } from './played-acts.ts';

let house: Playhouse;
beforeAll(async () => {
  house = await openPlayhouse();
});
afterAll(() => house.close());

const HOLD_MS = 120_000;
const later = () => new Date(Date.now() + HOLD_MS).toISOString();
const held: Act = async () => ({
  kind: 'held',
  state: 'held',
  reason: null,
  holdExpiresAt: later(),
});

/** Takes its time, and is then put off for longer than a task may last; through the second time. */
const putOff =
  (afterMs: number, act: Act): Act =>
  async (n) => {
    if (n > 1) return act(n);
    await sleep(afterMs);
    throw ApplicationFailure.create({ message: 'not now', nextRetryDelay: '6 seconds' });
  };

it.each(['none', 'browser'])(
  'a hold whose tries run out ends the booking (%s): its caller is told, and a late one is fenced',
  async (paymentKind) => {
    let released = 0;
    const { run, hold } = await house.book(
      { paymentKind },
      {
        holdSlot: () => Promise.reject(ApplicationFailure.nonRetryable('refused', 'internal')),
        releaseSlot: async () => ({ kind: 'released', n: (released += 1) }),
      },
    );
    expect(await hold).toEqual({ kind: 'fenced' });
    expect(await run.result()).toEqual({ state: 'expired', reason: 'holdSlot-internal' });
    expect(released).toBe(1);
  },
);

/** What comes while an act is under way that began `afterMs` before it is put off. */
interface News {
  name: string;
  putOffAfterMs: number;
  come: (run: WorkflowHandle) => Promise<unknown>;
}
const news = (run: WorkflowHandle) => run.signal('payment-news');
const NEWS: News[] = [
  {
    name: 'what has the payment read',
    putOffAfterMs: 2_600,
    async come(run) {
      await sleep(1_000);
      await news(run);
    },
  },
  {
    name: 'what has the payment read once more, as it was read',
    putOffAfterMs: 3_700,
    async come(run) {
      await sleep(300);
      await news(run);
      await sleep(1_700);
      await news(run);
    },
  },
  {
    name: 'a question that is answered at once',
    putOffAfterMs: 2_600,
    async come(run) {
      await sleep(1_000);
      await run.executeUpdate('book', { args: [{ fingerprint: 'other' }] });
    },
  },
  {
    name: 'that the caller gives up',
    putOffAfterMs: 2_600,
    async come(run) {
      await sleep(1_000);
      await run.executeUpdate('give-up', { args: [{ reason: 'by-caller' }] });
    },
  },
];

it.concurrent.each(NEWS)(
  'a run replays whose act was put off in the task that brought $name',
  { timeout: 60_000 },
  async ({ putOffAfterMs, come }) => {
    let isPaid = false;
    const { run, hold } = await house.book(
      { paymentKind: 'browser' },
      {
        holdSlot: held,
        openPayment: async () => ({ kind: 'waiting' }),
        readPayment: async () => ({ kind: isPaid ? 'authorized' : 'waiting' }),
        voidPayment: async () => 'undone',
        releaseSlot: async () => ({ kind: 'released' }),
        extendSlot: putOff(putOffAfterMs, async () => ({
          kind: 'extended',
          holdExpiresAt: later(),
        })),
        commitBooking: async () => ({ kind: 'confirmed' }),
        capturePayment: async () => ({ kind: 'captured' }),
      },
    );
    await hold;
    const extending = run.executeUpdate('extend', { args: [{ extensionId: 'x' }] });
    await come(run);
    await extending;
    isPaid = true;
    await news(run).catch(() => undefined);
    await run.result();
    expect(await house.replayed(run.workflowId)).toEqual([]);
  },
);
