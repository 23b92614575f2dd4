import { nightsOf } from '../domain/availability.ts';
import type { Zones } from '../domain/availability.ts';
import type { Interval } from '../domain/interval.ts';
import { priceOf } from '../domain/resource.ts';
import type { ResourceSettings } from '../domain/resource.ts';
import { Problem } from './problem.ts';
import type { NewBooking } from './schemas/booking.ts';

export interface Terms {
  amountMinor: number;
  /** Null when nothing is charged. */
  currency: string | null;
}

/** What a booking costs, fixed from here on. Throws when the payment or expectation does not fit. */
export function termsOf(
  asked: NewBooking,
  resource: { timeZone: string; settings: ResourceSettings },
  zones: Zones,
): Terms {
  const nights = nightsOf(spanOf(asked), resource.timeZone, zones);
  const own = priceOf(resource.settings.price, { party: asked.party, nights });
  const price = asked.price ?? own;
  const terms: Terms = price && price.amountMinor > 0 ? price : { amountMinor: 0, currency: null };
  requireExpected(asked.expectedAmount, terms);
  const { kind } = asked.payment;
  if (terms.currency !== null && kind === 'none')
    throw new Problem('payment-unsuitable', {
      detail: 'This booking has a price: pay by `method`, or `external`.',
      more: { price: terms },
    });
  if (terms.currency === null && kind !== 'none')
    throw new Problem('payment-unsuitable', {
      detail: 'This booking costs nothing: send the payment kind `none`.',
    });
  return terms;
}

export const spanOf = (asked: { startAt: string; endAt: string }): Interval => ({
  startAt: Date.parse(asked.startAt),
  endAt: Date.parse(asked.endAt),
});

function requireExpected(expected: NewBooking['expectedAmount'], terms: Terms): void {
  if (!expected) return;
  const sameAmount = expected.amountMinor === terms.amountMinor;
  const sameCurrency = terms.currency === null || expected.currency === terms.currency;
  if (sameAmount && sameCurrency) return;
  throw new Problem('price-changed', { more: { price: terms } });
}
