/**
 * Money that is taken while its payer is away: tried, tried again, offered as a payment link, and at
 * last left to the resource's rule. Durations in ms.
 */

/**
 * Declines that may pass by themselves. After any other, `authentication_required` among them, only
 * the payer can help. Source: Stripe guide "Decline codes".
 */
const PASSING = [
  'approve_with_id',
  'call_issuer',
  'card_declined',
  'card_velocity_exceeded',
  'do_not_honor',
  'generic_decline',
  'insufficient_funds',
  'issuer_not_available',
  'no_action_taken',
  'processing_error',
  'reenter_transaction',
  'try_again_later',
  'withdrawal_count_limit_exceeded',
];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How long after each try that was declined the next one is made. */
export const TRY_AGAIN_MS: readonly number[] = [6 * HOUR_MS, 24 * HOUR_MS];
/** The service's events wake who waits for a payer; it is asked about so often all the same. */
const LOOKS = 12;
const SHORTEST_LOOK_MS = 10 * MINUTE_MS;
/** A payer who is at it, or money on its way. */
const UNDER_WAY_MS = 2 * MINUTE_MS;
/** A payer who began in time ends within this, or is counted as away. */
const UNDER_WAY_LIMIT_MS = HOUR_MS;
/** Still payable after the time was up, where the rule keeps the booking. */
const LATE_LOOK_MS = 24 * HOUR_MS;

/** `charge`: tried without the payer; `link`: the payer's turn; `late`: his time is up. */
/** `renewal` stands in for an authorization that lapsed, or is about to. */
export type Collected = 'balance' | 'renewal';

export const PHASES = ['charge', 'link', 'late'] as const;
export type Phase = (typeof PHASES)[number];

export interface Unpaid {
  phase: Phase;
  /** Tries made before this one. */
  attempt: number;
  /** The machine code of the last decline; `under-way` when the payer or the money is. */
  code: string;
  /** The money is on its way: only the service ends that. */
  isArriving: boolean;
  graceMs: number;
  /** Of the wait for the next try; 0 when it is its time. */
  tryInMs: number;
  /** Of the payer's time, by the database's clock; null before it began. */
  graceLeftMs: number | null;
  onUnpaid: 'cancel' | 'keep';
  /** The booked time is over. */
  isOver: boolean;
}

export type NextStep =
  | { kind: 'wait'; inMs: number; progress: { phase: Phase; attempt: number; graceMs?: number } }
  /** The rule decides; `keep` calls a person, and the payment stays payable. */
  | { kind: 'cancel' }
  | { kind: 'keep'; inMs: number; progress: { phase: Phase; attempt: number } }
  /** Nobody will pay any more. */
  | { kind: 'end' };

export function nextStep(unpaid: Unpaid): NextStep {
  const { phase, code, graceMs, graceLeftMs, onUnpaid, isOver } = unpaid;
  const attempt = phase === 'charge' ? unpaid.attempt + 1 : unpaid.attempt;
  if (code === 'under-way' && !isGivenUp(unpaid))
    return { kind: 'wait', inMs: UNDER_WAY_MS, progress: { phase, attempt: unpaid.attempt } };
  if (phase === 'charge' && unpaid.tryInMs > 0)
    return { kind: 'wait', inMs: unpaid.tryInMs, progress: { phase, attempt: unpaid.attempt } };
  if (phase === 'charge') {
    const againMs = TRY_AGAIN_MS[unpaid.attempt];
    if (againMs !== undefined && PASSING.includes(code) && !isOver)
      return { kind: 'wait', inMs: againMs, progress: { phase, attempt } };
    return {
      kind: 'wait',
      inMs: Math.min(lookMs(graceMs), graceMs),
      progress: { phase: 'link', attempt, graceMs },
    };
  }
  if (phase === 'late')
    return isOver
      ? { kind: 'end' }
      : { kind: 'wait', inMs: LATE_LOOK_MS, progress: { phase, attempt } };
  if (graceLeftMs !== null && graceLeftMs > 0)
    return {
      kind: 'wait',
      inMs: Math.min(lookMs(graceMs), graceLeftMs),
      progress: { phase, attempt },
    };
  return onUnpaid === 'cancel'
    ? { kind: 'cancel' }
    : { kind: 'keep', inMs: LATE_LOOK_MS, progress: { phase: 'late', attempt } };
}

/** Nothing at the service ends what a payer began and left. */
const isGivenUp = ({ phase, isArriving, graceLeftMs, isOver }: Unpaid): boolean =>
  !isArriving &&
  (phase === 'late' ||
    (phase === 'charge' ? isOver : graceLeftMs !== null && graceLeftMs <= -UNDER_WAY_LIMIT_MS));

const lookMs = (graceMs: number): number => Math.max(graceMs / LOOKS, SHORTEST_LOOK_MS);
