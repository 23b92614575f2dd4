import { z } from 'zod';
import type { BookingRef } from '../../commands.ts';
import { findBooking } from '../../store/booking-reads.ts';
import { findChange } from '../../store/changes.ts';
import { customersMay, revokeTokens, tokenParts } from '../../store/customers.ts';
import { browserKeysOf } from '../browser-payment.ts';
import { asCustomer, customerTokenOf, requireCustomer } from '../customer.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { claimOf } from '../idempotency.ts';
import { notFound, Problem } from '../problem.ts';
import { asTheirs } from '../refused.ts';
import { quoteReschedule, reschedule } from '../reschedule.ts';
import type { Answer } from '../route.ts';
import { route } from '../route.ts';
import {
  Cancellation,
  CancellationQuote,
  NewRescheduleQuote,
  Reschedule,
  RescheduleQuote,
} from '../schemas/change.ts';
import { Empty, Id } from '../schemas/common.ts';
import { CustomerBooking, CustomerToken, NewCustomerToken } from '../schemas/customer.ts';
import { showBooking } from '../show-booking.ts';
import { cancel, changeIdOf, quoteCancellation } from './cancellations.ts';

const tag = 'Customer';
/** Opened by the booking's own token, and counted by address. */
const headers = { Authorization: '`Bearer <customerToken>` of the booking.' };
const scopes = null;

export const customerRoutes = [
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/customer-token',
    id: 'issueCustomerToken',
    tag: 'Bookings',
    summary: "Get the token of a booking's customer",
    about:
      'Opens this one booking at `/v1/customer/booking`, and nothing else: put it into the link that the customer gets. It is the same until it is revoked.',
    scopes: ['bookings:write'],
    params: z.strictObject({ bookingId: Id }),
    body: NewCustomerToken,
    bodyExample: {},
    answer: { status: 200, about: 'The token.', schema: CustomerToken },
    problems: ['not-found'],
    async handle({ caller, params, body }, { database }) {
      const ref = { tenantId: caller.tenantId, bookingId: params.bookingId };
      if (body.revokeOthers) await revokeTokens(database, ref);
      const parts = await tokenParts(database, ref);
      if (!parts) throw notFound('booking');
      return { body: { customerToken: customerTokenOf(ref, parts) } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/customer/booking',
    id: 'readOwnBooking',
    tag,
    summary: 'Read your booking',
    scopes,
    headers,
    answer: { status: 200, about: 'The booking.', schema: CustomerBooking },
    problems: ['unauthenticated'],
    async handle({ header }, deps) {
      const { ref } = await requireCustomer(header('authorization'), deps);
      return show(ref, deps);
    },
  }),
  route({
    method: 'post',
    path: '/v1/customer/booking/cancellation-quotes',
    id: 'quoteOwnCancellation',
    tag,
    summary: 'Ask what a cancellation costs',
    scopes,
    headers,
    idempotent: true,
    body: Empty,
    bodyExample: {},
    answer: { status: 201, about: 'What is kept and refunded.', schema: CancellationQuote },
    problems: ['unauthenticated', 'ask-the-seller', 'not-cancellable'],
    async handle(input, deps) {
      const customer = await requireCustomer(input.header('authorization'), deps);
      if (!(await customersMay(deps.database, customer.ref)).mayCancel) throw askTheSeller();
      return quoteCancellation(asCustomer(input, customer), deps, customer.ref);
    },
  }),
  route({
    method: 'post',
    path: '/v1/customer/booking/cancel',
    id: 'cancelOwnBooking',
    tag,
    summary: 'Cancel your booking',
    about: 'A confirmed booking by a quote; a hold is given up without one.',
    scopes,
    headers,
    idempotent: true,
    body: Cancellation,
    bodyExample: { quoteId: 'b2b0c8f4-6d3f-4a0a-9a57-0f3a6a3c1d11' },
    answer: { status: 200, about: 'The booking as it is now.', schema: CustomerBooking },
    problems: [
      'unauthenticated',
      'forbidden',
      'ask-the-seller',
      'not-cancellable',
      'quote-over',
      'change-under-way',
      'unavailable',
    ],
    async handle(input, deps) {
      const customer = await requireCustomer(input.header('authorization'), deps);
      const { ref } = customer;
      if (input.body.keepMinor !== undefined) throw onlyStaff('keepMinor');
      const changeId = changeIdOf(ref, claimOf(asCustomer(input, customer)).key);
      const { reason, quoteId } = input.body;
      const { mayCancel } = await customersMay(deps.database, ref);
      // What was begun before the rule changed is answered as it went.
      const isOpen =
        mayCancel || (await findChange(deps.database.pool, { ...ref, changeId })) !== null;
      const requireConfirmed = () => {
        if (!isOpen) throw askTheSeller();
        if (quoteId === undefined) throw unquoted();
      };
      const asked = { ...ref, changeId, reason, quoteId, keepMinor: undefined, requireConfirmed };
      await quotedAnew('cancellation', cancel(asked, deps));
      return show(ref, deps);
    },
  }),
  route({
    method: 'post',
    path: '/v1/customer/booking/reschedule-quotes',
    id: 'quoteOwnReschedule',
    tag,
    summary: 'Ask what another time costs',
    scopes,
    headers,
    idempotent: true,
    body: NewRescheduleQuote,
    bodyExample: { startAt: '2027-01-12T15:00:00+01:00', endAt: '2027-01-16T10:00:00+01:00' },
    answer: { status: 201, about: 'What would change.', schema: RescheduleQuote },
    problems: [
      'unauthenticated',
      'forbidden',
      'ask-the-seller',
      'not-reschedulable',
      'not-available',
      'not-bookable',
      'payment-unsuitable',
    ],
    async handle(input, deps) {
      const customer = await requireCustomer(input.header('authorization'), deps);
      if (!(await customersMay(deps.database, customer.ref)).mayMove) throw askTheSeller();
      if (input.body.price) throw onlyStaff('price');
      if (input.body.override) throw onlyStaff('override');
      const asked = { ref: customer.ref, asked: input.body };
      return asTheirs(quoteReschedule(asCustomer(input, customer), deps, asked));
    },
  }),
  route({
    method: 'post',
    path: '/v1/customer/booking/reschedule',
    id: 'rescheduleOwnBooking',
    tag,
    summary: 'Reschedule your booking',
    scopes,
    headers,
    idempotent: true,
    body: Reschedule,
    bodyExample: {
      quoteId: 'b2b0c8f4-6d3f-4a0a-9a57-0f3a6a3c1d11',
      payment: { kind: 'browser' },
    },
    answer: { status: 200, about: 'The booking at its new time.', schema: CustomerBooking },
    alsoAnswers: { 202: 'The booking as it was; the difference waits for its payer.' },
    problems: [
      'unauthenticated',
      'forbidden',
      'ask-the-seller',
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
      const customer = await requireCustomer(input.header('authorization'), deps);
      const { ref } = customer;
      if (input.body.payment?.kind === 'external') throw onlyStaff('payment');
      const changeId = changeIdOf(ref, claimOf(asCustomer(input, customer)).key);
      const { mayMove } = await customersMay(deps.database, ref);
      // What was begun before the rule changed is answered as it went.
      if (!mayMove && !(await findChange(deps.database.pool, { ...ref, changeId })))
        throw askTheSeller();
      const done = asTheirs(reschedule({ ...ref, changeId }, input.body, deps));
      const { status } = await quotedAnew('reschedule', done);
      return { ...(await show(ref, deps)), ...(status !== undefined && { status }) };
    },
  }),
];

const onlyStaff = (field: string): Problem =>
  new Problem('forbidden', { detail: `\`${field}\` is for the seller: leave it out.` });

const askTheSeller = (): Problem => new Problem('ask-the-seller');

/** What it costs is shown before it is done. */
const unquoted = (): Problem =>
  new Problem('quote-over', {
    detail:
      'The booking is confirmed, and nothing was cancelled: ask for a quote, show what it costs, and cancel by its id.',
    more: { quotes: quotesOf('cancellation') },
  });

const quotesOf = (kind: string): string => `/v1/customer/booking/${kind}-quotes`;

/** Staff ask for another quote elsewhere than a customer does. */
async function quotedAnew<T>(kind: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Problem) || error.problem !== 'quote-over') throw error;
    throw new Problem('quote-over', {
      ...error.extras,
      more: { ...error.extras.more, quotes: quotesOf(kind) },
    });
  }
}

async function show(ref: BookingRef, deps: ApiDependencies): Promise<Answer> {
  const [row, keys, { mayCancel, mayMove }] = await Promise.all([
    findBooking(deps.database, ref),
    browserKeysOf(deps, ref),
    customersMay(deps.database, ref),
  ]);
  if (!row) throw notFound('booking');
  const { id, state, startAt, endAt, party, amountMinor, currency, ...rest } = showBooking(
    row,
    ref.tenantId,
    keys,
  );
  const { owedMinor, balanceDueAt, cancellation } = rest;
  const { clientSecret, publishableKey, connectedAccount } = rest.payment;
  return {
    body: {
      id,
      state,
      startAt,
      endAt,
      party,
      amountMinor,
      currency,
      owedMinor,
      balanceDueAt,
      cancellation,
      may: { cancel: mayCancel, move: mayMove },
      payment: { clientSecret, publishableKey, connectedAccount },
    },
  };
}
