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

const MOST_KEYS = 5;

/**
 * Stripe keeps the first outcome under a key, a 500 included, and repeats it for a day at least: the
 * act cannot succeed under that key any more (API reference "Idempotent requests"). When a stored
 * answer is proven not to be the truth, the act goes on under the next key of the same series. Each
 * call walks the series anew, so a retry by the caller finds its place by itself.
 */
export async function underKeys<T extends object>({ key, act, judge }: KeyedAct<T>): Promise<T> {
  let last = new Failure({ kind: 'unavailable', code: 'stored-failure' });
  for (let n = 0; n < MOST_KEYS; n += 1) {
    try {
      return await act(n === 0 ? key : `${key}~${n}`);
    } catch (error) {
      const refusal = readRefusal(error);
      const verdict = await judge(refusal);
      if (verdict instanceof Failure) throw verdict;
      if (verdict !== 'again') return verdict;
      last = failureFrom(refusal);
    }
  }
  throw last;
}

export const isServerFault = ({ status }: StripeRefusal): boolean =>
  status !== null && status >= 500;

/** A replay means that the first attempt is over, so nothing of it can still happen. */
export const againIfStored = (refusal: StripeRefusal): 'again' | Failure =>
  isServerFault(refusal) && refusal.replayed ? 'again' : failureFrom(refusal);

/** Refusals that say nothing certain until the intent itself was read. */
const STATE_CODES = ['payment_intent_unexpected_state', 'charge_already_captured'];

/** Judges by what the intent is now: `holds` is what was wanted, `possible` that it can still come. */
export function byState(
  read: () => Promise<PaymentState>,
  { holds, possible }: Record<'holds' | 'possible', (state: PaymentState) => boolean>,
): KeyedAct<PaymentState>['judge'] {
  return async (refusal) => {
    if (!isServerFault(refusal) && !STATE_CODES.includes(refusal.code)) return failureFrom(refusal);
    const state = await read();
    if (holds(state)) return state;
    if (!possible(state)) return new Failure({ kind: 'conflict', code: refusal.code });
    if (refusal.replayed && state.status !== 'processing') return 'again';
    return new Failure({ kind: 'unavailable', code: refusal.code });
  };
}
