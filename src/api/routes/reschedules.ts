import { z } from 'zod';
import { requireScope } from '../auth.ts';
import { claimOf } from '../idempotency.ts';
import { quoteReschedule, reschedule } from '../reschedule.ts';
import { route } from '../route.ts';
import { Booking } from '../schemas/booking.ts';
import { NewRescheduleQuote, Reschedule, RescheduleQuote } from '../schemas/change.ts';
import { Id } from '../schemas/common.ts';
import { changeIdOf } from './cancellations.ts';

const tag = 'Bookings';
const scopes = ['bookings:write'] as const;
const params = z.strictObject({ bookingId: Id });

export const rescheduleRoutes = [
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/reschedule-quotes',
    id: 'quoteReschedule',
    tag,
    summary: 'Ask what another time costs',
    about:
      "Whether the booking can have that time, its own time counting as free, and what follows for the money: only the difference goes by today's prices. Nothing is changed or held yet: confirm the quote by its id at `reschedule` before `validUntil`. A cancellation costs no less afterwards than it does now.",
    scopes,
    idempotent: true,
    params,
    body: NewRescheduleQuote,
    bodyExample: { startAt: '2027-01-12T15:00:00+01:00', endAt: '2027-01-16T10:00:00+01:00' },
    answer: { status: 201, about: 'What would change.', schema: RescheduleQuote },
    problems: [
      'not-found',
      'not-reschedulable',
      'not-available',
      'not-bookable',
      'payment-unsuitable',
    ],
    async handle(input, deps) {
      if (input.body.price) requireScope(input.caller, ['payments:write']);
      if (input.body.override) requireScope(input.caller, ['admin']);
      const ref = { tenantId: input.caller.tenantId, bookingId: input.params.bookingId };
      return quoteReschedule(input, deps, { ref, asked: input.body });
    },
  }),
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/reschedule',
    id: 'rescheduleBooking',
    tag,
    summary: 'Reschedule a booking',
    about:
      'Takes the new time before the old one is let go, also where they overlap, charges the difference, and switches in one step: until then, and whatever fails before, the booking stays as it is. What costs less is given back after. A payer who is to confirm in a browser gets 202 with `payment.clientSecret`; the new time is held meanwhile, as long as a hold of the resource, and the booking tells when it has moved.',
    scopes,
    idempotent: true,
    params,
    body: Reschedule,
    bodyExample: { quoteId: 'b2b0c8f4-6d3f-4a0a-9a57-0f3a6a3c1d11', reason: 'guest-request' },
    answer: { status: 200, about: 'The booking at its new time.', schema: Booking },
    alsoAnswers: { 202: 'The booking as it was; the difference waits for its payer.' },
    problems: [
      'not-found',
      'not-reschedulable',
      'not-available',
      'not-bookable',
      'quote-over',
      'change-under-way',
      'payment-unsuitable',
      'payment-declined',
      'unknown-reference',
      'unavailable',
    ],
    async handle(input, deps) {
      if (input.body.payment?.kind === 'external') requireScope(input.caller, ['payments:write']);
      const ref = { tenantId: input.caller.tenantId, bookingId: input.params.bookingId };
      const changeId = changeIdOf(ref, claimOf(input).key);
      return reschedule({ ...ref, changeId }, input.body, deps);
    },
  }),
];
