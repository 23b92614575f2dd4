import { Failure } from '../domain/failure.ts';
import type { PaymentState } from './payment-provider.ts';
import { failureFrom, readRefusal } from './stripe-failures.ts';
import type { StripeRefusal } from './stripe-failures.ts';

/** What a refusal turns out to mean: the act is done, it failed, or it must be asked anew. */
export type Verdict<T> = T | Failure | 'again';

export interface KeyedAct<T> {
  key: string;
  act: (key: string) => Promise<T>;
  judge: (refusal: StripeRefusal) => Promise<Verdict<T>> | Verdict<T>;
}

/** Stored answers met in one call; the next call goes on from there. */
const MOST_KEYS = 5;
const MOST_REMEMBERED = 10_000;

/**
 * How many keys of a series were seen to be used up. It only spares asking them again: without it,
 * as in another process, the walk begins at the first and comes the same way.
 */
const usedUp = new Map<string, number>();

/**
 * Stripe keeps the first outcome under a key, a 500 included, and repeats it for a day at least: the
 * act cannot succeed under that key any more (API reference "Idempotent requests"). When a stored
 * answer is proven not to be the truth, the act goes on under the next key of the same series, always
 * in the same order, so that attempts whose answers were lost meet one another. A series has no end:
 * an outage may store as many failures as there were tries.
 */
export async function underKeys<T extends object>({ key, act, judge }: KeyedAct<T>): Promise<T> {
  let last = new Failure({ kind: 'unavailable', code: 'stored-failure' });
  const from = usedUp.get(key) ?? 0;
  for (let n = from; n < from + MOST_KEYS; n += 1) {
    try {
      const done = await act(n === 0 ? key : `${key}~${n}`);
      usedUp.delete(key);
      return done;
    } catch (error) {
      // An answer that says nothing: the act may be done, and its key tells the next attempt.
      if (error instanceof Failure) throw error;
      const refusal = readRefusal(error);
      const verdict = await judge(refusal);
      if (verdict instanceof Failure) throw verdict;
      if (verdict !== 'again') return verdict;
      last = failureFrom(refusal);
      remember(key, n + 1);
    }
  }
  throw new Failure({ kind: 'unavailable', code: last.code });
}

function remember(key: string, n: number): void {
  usedUp.delete(key);
  usedUp.set(key, n);
  const [oldest] = usedUp.keys();
  if (usedUp.size > MOST_REMEMBERED) usedUp.delete(oldest!);
}

export const isServerFault = ({ status }: StripeRefusal): boolean =>
  status !== null && status >= 500;

/** A replay means that the first attempt is over, so nothing of it can still happen. */
export const againIfStored = (refusal: StripeRefusal): 'again' | Failure =>
  isServerFault(refusal) && refusal.replayed ? 'again' : failureFrom(refusal);

/** Refusals that say nothing certain until the intent itself was read. */
const STATE_CODES = ['payment_intent_unexpected_state', 'charge_already_captured'];

/** The key served an earlier attempt at other terms, such as another amount. */
const OTHER_TERMS = 'idempotency_error';

interface Judging {
  /** What was wanted. */
  holds: (state: PaymentState) => boolean;
  /** It can still come. */
  possible: (state: PaymentState) => boolean;
  /** A decline speaks of its own attempt only: who asks again has it tried again. */
  declinesPass?: boolean;
}

/** Judges by what the intent is now. */
export function byState(
  read: () => Promise<PaymentState>,
  { holds, possible, declinesPass = false }: Judging,
): KeyedAct<PaymentState>['judge'] {
  return async (refusal) => {
    const { code } = refusal;
    const isOldDecline = declinesPass && refusal.status === 402 && refusal.replayed;
    const isUnclear =
      isServerFault(refusal) || isOldDecline || STATE_CODES.includes(code) || code === OTHER_TERMS;
    if (!isUnclear) return failureFrom(refusal);
    const state = await read();
    if (holds(state)) return state;
    if (!possible(state)) return new Failure({ kind: 'conflict', code });
    // An intent moves once: an earlier attempt that is still under way refuses this one, or is refused.
    if (code === OTHER_TERMS) return 'again';
    if (refusal.replayed && state.status !== 'processing') return 'again';
    return new Failure({ kind: 'unavailable', code });
  };
}
