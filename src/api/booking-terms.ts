import type { BookingTerms } from '../commands.ts';
import type { AvailabilityFacts, Zones } from '../domain/availability.ts';
import { nightsOf } from '../domain/availability.ts';
import type { Interval } from '../domain/interval.ts';
import type { DepositRule } from '../domain/resource.ts';
import { depositOf, priceOf } from '../domain/resource.ts';
import { Problem } from './problem.ts';
import type { NewBooking } from './schemas/booking.ts';

/** What a booking costs and when, fixed from here on, whatever its resource says later. */
export interface Terms {
  amountMinor: number;
  /** Null when nothing is charged. */
  currency: string | null;
  /** Charged now, the rest at `balanceDueAt` (RFC 3339); null: everything now. */
  depositMinor: number | null;
  balanceDueAt: string | null;
  terms: BookingTerms;
}

type Facts = Pick<AvailabilityFacts, 'timeZone' | 'settings' | 'nowAt'>;

interface AskTerms {
  asked: Pick<NewBooking, 'party' | 'price' | 'expectedAmount' | 'payment'>;
  span: Interval;
  zones: Zones;
  /** Of a session, for each place; in place of the resource's price. */
  placePrice?: { amountMinor: number; currency: string } | null;
}

/** Throws when the payment or the expectation does not fit the price. */
export function termsOf(facts: Facts, ask: AskTerms): Terms {
  const { asked } = ask;
  const price = asked.price ?? ownPrice(facts, ask);
  const money = price && price.amountMinor > 0 ? price : FREE;
  requireExpected(asked.expectedAmount, money);
  requireFitting(asked.payment.kind, money);
  const { cancellation, deposit } = facts.settings;
  // Money that the caller takes is taken when the caller says so, all of it.
  const share =
    deposit && asked.payment.kind !== 'external'
      ? shareOf(deposit, { amountMinor: money.amountMinor, span: ask.span, nowAt: facts.nowAt })
      : null;
  return {
    ...money,
    depositMinor: share?.depositMinor ?? null,
    balanceDueAt: share?.balanceDueAt ?? null,
    terms: { cancellation, deposit: share ? deposit : null },
  };
}

const FREE = { amountMinor: 0, currency: null };

/** By the resource's price, or the session's for each place. */
export function ownPrice(
  { timeZone, settings }: Pick<Facts, 'timeZone' | 'settings'>,
  ask: Pick<AskTerms, 'span' | 'zones' | 'placePrice'> & { asked: { party: number } },
): { amountMinor: number; currency: string } | null {
  const { party } = ask.asked;
  const price = ask.placePrice ? { per: 'unit' as const, ...ask.placePrice } : settings.price;
  return priceOf(price, { party, nights: nightsOf(ask.span, timeZone, ask.zones) });
}

/** Null when nothing is left to pay later, or when that would be due by now. */
export function shareOf(
  deposit: DepositRule,
  { amountMinor, span, nowAt }: { amountMinor: number; span: Interval; nowAt: number },
): { depositMinor: number; balanceDueAt: string } | null {
  const depositMinor = depositOf(deposit, amountMinor);
  const dueAt = span.startAt - deposit.balanceDueMs;
  if (depositMinor >= amountMinor || dueAt <= nowAt) return null;
  return { depositMinor, balanceDueAt: new Date(dueAt).toISOString() };
}

function requireFitting(
  kind: NewBooking['payment']['kind'],
  money: { amountMinor: number; currency: string | null },
): void {
  if (money.currency !== null && kind === 'none')
    throw new Problem('payment-unsuitable', {
      detail: 'This booking has a price: any payment kind but `none` will do.',
      more: { price: money },
    });
  if (money.currency === null && kind !== 'none')
    throw new Problem('payment-unsuitable', {
      detail: 'This booking costs nothing: send the payment kind `none`.',
    });
}

function requireExpected(
  expected: NewBooking['expectedAmount'],
  price: { amountMinor: number; currency: string | null },
): void {
  if (!expected) return;
  const sameAmount = expected.amountMinor === price.amountMinor;
  const sameCurrency = price.currency === null || expected.currency === price.currency;
  if (sameAmount && sameCurrency) return;
  throw new Problem('price-changed', { more: { price } });
}
