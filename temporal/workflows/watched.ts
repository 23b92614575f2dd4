import {
  ActivityFailure,
  CancellationScope,
  TimeoutFailure,
  condition,
  isCancellation,
  proxyLocalActivities,
  setHandler,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
  type LocalActivityOptions,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { BookingRef, Resolution } from '../../src/commands.ts';
import { resolveUpdate, type BookingLedgerActivities } from '../contracts/booking.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/names.ts';

/**
 Acts on the ledger are retried for ever. Waits above the threshold are timers: a worker that retries
 inside its task writes history every few seconds, and would fill it within a day.
*/
export const LEDGER_OPTIONS = {
  startToCloseTimeout: '4 seconds',
  localRetryThreshold: '5 seconds',
  retry: { initialInterval: '50 ms', backoffCoefficient: 2, maximumInterval: '1 minute' },
} satisfies LocalActivityOptions;

const ledger = proxyLocalActivities<BookingLedgerActivities>(LEDGER_OPTIONS);

export const CALL_AFTER = '1 minute';
const attentionKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.attention, 'KEYWORD');

/** What the run is found by; answers with what it was before. */
export function showAttention(attention: string | null): string | null {
  const before = workflowInfo().typedSearchAttributes.get(attentionKey) ?? null;
  if (attention !== before) upsertSearchAttributes([{ key: attentionKey, value: attention }]);
  return before;
}

/**
 * What has no other way than through; `byHand` is its answer when a person did it instead, left out
 * of what nobody can do by hand.
 */
export interface Step<T> {
  /** Names the call for a person, `stuck-<name>`. */
  name: string;
  run: () => Promise<T>;
  byHand?: T;
}

/**
 * Runs a step for as long as it takes. When it is stuck the booking `needs-attention`, so that it is
 * found by search and not only in a log; it goes on being tried, and takes the call back.
 */
export async function watched<T>(ref: BookingRef, step: Step<T>): Promise<T> {
  let isDone = false;
  const scope = new CancellationScope();
  const running = scope.run(step.run).finally(() => (isDone = true));
  const inTime = await Promise.race([
    running.then(() => true),
    condition(() => isDone, CALL_AFTER),
  ]);
  return inTime ? running : calledFor(ref, step, { scope, running });
}

/**
 * Acts on the ledger, each watched: one that the database refuses again and again calls a person, who
 * puts right what stands in its way. Costs no event where it comes through in its first task.
 */
export function watchedLedger<T extends object>(): T {
  const acts =
    proxyLocalActivities<Record<string, (input: BookingRef) => Promise<unknown>>>(LEDGER_OPTIONS);
  const act = (name: string) => (input: BookingRef) =>
    inTurn(() =>
      watched(input, {
        name: name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
        run: () => acts[name]!(input),
      }),
    );
  return new Proxy({}, { get: (_, name) => act(String(name)) }) as T;
}

/** A run's own: every run has its modules to itself. */
let last: Promise<unknown> = Promise.resolve();

/** One at a time, also from handlers: of two that are stuck, a person could be heard for one only. */
function inTurn<T>(act: () => Promise<T>): Promise<T> {
  const mine = last.then(act);
  last = mine.catch(() => undefined);
  return mine;
}

/** Of the ten questions that a run takes at once; the others are left for a person's decision. */
const MOST_ASKING = 5;

/**
 * Waits for an answer, or until newer questions have come: whoever repeats one while a step is stuck
 * has long stopped waiting for the older ones. False when it is given up.
 */
export function oneOfFew(): (isAnswered: () => boolean) => Promise<boolean> {
  let asked = 0;
  return async (isAnswered) => {
    const mine = (asked += 1);
    await condition(() => isAnswered() || asked - mine >= MOST_ASKING);
    return isAnswered();
  };
}

/** The last attempt failed too near the end for another one, or was still under way. */
export const isTimeUp = (error: unknown): boolean =>
  error instanceof ActivityFailure &&
  (error.retryState === 'TIMEOUT' || error.cause instanceof TimeoutFailure);

interface Attempt<T> {
  scope: CancellationScope;
  running: Promise<T>;
}

const attempt = <T>(run: () => Promise<T>): Attempt<T> => {
  const scope = new CancellationScope();
  const running = scope.run(run);
  // Whoever waits for it hears of a failure; nobody may be waiting yet.
  running.catch(() => undefined);
  return { scope, running };
};

/** A person is called, and hears of it by update: `retry` begins anew at once, without the wait. */
export async function calledFor<T>(
  ref: BookingRef,
  step: Step<T>,
  begun: Attempt<T> = attempt(step.run),
): Promise<T> {
  const { tenantId, bookingId } = ref;
  // By its own id a call that arrives late, when it was taken back before, is known.
  const call = { tenantId, bookingId, attention: `stuck-${step.name}`, callId: uuid4() };
  const decided: Resolution[] = [];
  let isSettled = false;
  setHandler(resolveUpdate, async (resolution) => {
    const isMeant = (resolution.attention ?? call.attention) === call.attention;
    const isPossible = resolution.kind === 'retry' || 'byHand' in step;
    if (isSettled || !isMeant || !isPossible) return { kind: 'nothing-to-resolve' };
    decided.push(resolution);
    if (resolution.kind === 'resolved-by-hand') await condition(() => isSettled);
    return { kind: 'resolved' };
  });
  const before = showAttention(call.attention);
  await ledger.callPerson(call);
  const answer = await untilResolved(step, begun, decided);
  showAttention(before);
  if (answer.by === null) await ledger.settled(call);
  else await ledger.doneByHand({ ...call, ...answer.by });
  isSettled = true;
  return answer.value;
}

interface Resolved<T> {
  value: T;
  /** Who did it by hand; null when it came through. */
  by: { by: string; reason: string } | null;
}

async function untilResolved<T>(
  step: Step<T>,
  begun: Attempt<T>,
  decided: Resolution[],
): Promise<Resolved<T>> {
  for (let current = begun; ; current = attempt(step.run)) {
    const through = current.running.then((value): Resolved<T> => ({ value, by: null }));
    const decision = condition(() => decided.length > 0).then(() => null);
    const first = await Promise.race([through, decision]);
    if (first !== null) return first;
    const resolution = decided.shift()!;
    current.scope.cancel();
    // It may come through all the same; if not, its successor has the same key.
    const late = await through.catch((error: unknown) => {
      if (isCancellation(error)) return null;
      throw error;
    });
    if (late !== null) return late;
    if (resolution.kind === 'resolved-by-hand')
      return { value: step.byHand as T, by: { by: resolution.by, reason: resolution.reason } };
  }
}
