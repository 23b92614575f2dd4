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

export const PAYMENT_KINDS = ['method', 'external', 'none'] as const;
export type PaymentKind = (typeof PAYMENT_KINDS)[number];

/** Why a hold was refused; each names the rule. */
export const REFUSALS = [
  'no-such-resource',
  'taken',
  'busy',
  'blocked',
  'closed',
  'too-soon',
  'too-large',
  'beyond-horizon',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** The key under which a side effect is asked for; `n` rises only after a definitive answer. */
export const stepKey = (bookingId: string, step: string, n: number): string =>
  `${bookingId}:${step}:${n}`;
