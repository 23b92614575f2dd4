/** A booking's states and the moves between them. The row decides; workflows only ask. */

export const BOOKING_STATES = [
  'held',
  'paying',
  'confirmed',
  'expired',
  'declined',
  'cancelled',
] as const;
export type BookingState = (typeof BOOKING_STATES)[number];

const MOVES: Record<BookingState, readonly BookingState[]> = {
  held: ['paying', 'confirmed', 'expired', 'declined', 'cancelled'],
  paying: ['confirmed', 'expired', 'declined', 'cancelled'],
  confirmed: ['cancelled'],
  expired: [],
  declined: [],
  cancelled: [],
};

export const mayMove = (from: BookingState, to: BookingState): boolean => MOVES[from].includes(to);

/** Whether the booking holds its units. */
export const isLive = (state: BookingState): boolean =>
  state === 'held' || state === 'paying' || state === 'confirmed';

/** `browser`: the payer confirms there, with the client secret that comes with the hold. */
export const PAYMENT_KINDS = ['method', 'browser', 'external', 'none'] as const;
export type PaymentKind = (typeof PAYMENT_KINDS)[number];

/** Why a hold was refused; each names the rule. */
export const REFUSALS = [
  'no-such-resource',
  'taken',
  'busy',
  'blocked',
  'closed',
  'too-soon',
  'too-early',
  'too-large',
  'too-short',
  'too-long',
  'not-by-the-night',
  'closed-to-arrival',
  'closed-to-departure',
  'day-full',
  'linked-taken',
  'no-such-session',
  'session-over',
  'session-full',
  'holds-of-key',
  'holds-of-reference',
  'holds-of-resource',
  'beyond-horizon',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** The key under which a side effect is asked for; `n` rises only after a definitive answer. */
export const stepKey = (bookingId: string, step: string, n: number): string =>
  `${bookingId}:${step}:${n}`;
