import type { z } from 'zod';
import type { Refusal } from '../domain/booking.ts';
import type { Interval } from '../domain/interval.ts';
import { rescheduledPrice } from '../domain/reschedule.ts';
import { ruleRefusal, type Override } from '../domain/rules.ts';
import { sessionRefusal, type SessionFacts } from '../domain/session.ts';
import { isOpen } from '../domain/units.ts';
import type { AvailabilityRead } from '../store/availability.ts';
import type { RescheduleCase } from '../store/quotes.ts';
import { ownPrice } from './booking-terms.ts';
import type { ApiDependencies } from './dependencies.ts';
import { Problem } from './problem.ts';
import type { NewRescheduleQuote } from './schemas/change.ts';

/** Whether a booking may have another time, and what it costs there. */
interface Wanted {
  found: RescheduleCase;
  asked: z.output<typeof NewRescheduleQuote>;
  span: Interval;
  party: number;
  session: SessionFacts | null;
  zones: ApiDependencies['zones'];
}

/** What is taken, and how full a day is, the ledger says: to it the booking's own time is free. */
export function rulesSay(facts: AvailabilityRead['facts'], wanted: Wanted): Refusal | null {
  const { found, asked, span, party, session, zones } = wanted;
  const overrides: Override[] = [
    ...(asked.override ?? []),
    'day-limit',
    // Who comes when he comes anyway gives no notice.
    ...(span.startAt === found.startAt ? (['notice', 'window'] as const) : []),
  ];
  if (session) {
    const own = session.id === found.sessionId ? found.party : 0;
    const seen = { ...session, taken: session.taken - own };
    return sessionRefusal(seen, facts, { party, zones, overrides });
  }
  const { bufferAfterMs } = facts.settings;
  return (
    ruleRefusal(facts, { span, party, zones, overrides }) ??
    (closedThen(facts, { asked, span, zones }) === undefined ? null : 'linked-taken') ??
    (facts.knownUntilAt !== null && span.endAt + bufferAfterMs > facts.knownUntilAt
      ? 'beyond-horizon'
      : null)
  );
}

/** Of what is linked, the first that is not open for a span, unless staff pass over that. */
export const closedThen = (
  { linked = [] }: AvailabilityRead['facts'],
  { asked, span, zones }: Pick<Wanted, 'asked' | 'span' | 'zones'>,
): string | undefined =>
  asked.override?.includes('opening')
    ? undefined
    : linked.find((one) => !isOpen(one.facts, { span, zones }))?.id;

/** What the booking comes to at the new time; only the difference goes by today's prices. */
export function priceOf(
  facts: AvailabilityRead['facts'],
  { found, asked, span, party, session, zones }: Wanted,
): { amountMinor: number; currency: string | null } {
  const place = session?.price ?? null;
  const after = ownPrice(facts, { asked: { party }, span, zones, placePrice: place });
  const before = ownPrice(facts, {
    asked: { party: found.party },
    span: found,
    zones,
    placePrice: found.sessionPrice,
  });
  const currency = found.currency ?? asked.price?.currency ?? after?.currency ?? null;
  const stated = asked.price ?? after ?? before;
  if (stated && stated.currency !== currency)
    throw new Problem('payment-unsuitable', {
      detail:
        'The booking was paid in another currency than the new time is sold for: state its price in the currency of the booking.',
      more: { currency },
    });
  const amountMinor =
    asked.price?.amountMinor ??
    rescheduledPrice({
      bookedMinor: found.amountMinor,
      beforeMinor: before?.amountMinor ?? (after ? 0 : null),
      afterMinor: after?.amountMinor ?? (before ? 0 : null),
    });
  return { amountMinor, currency };
}
