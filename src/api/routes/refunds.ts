import { z } from 'zod';
import { findBooking } from '../../store/booking-reads.ts';
import { listPayments } from '../../store/payment-reads.ts';
import { refundableOf, refundsOf } from '../../store/refunds.ts';
import { asking } from '../commands.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { claimOf } from '../idempotency.ts';
import { paymentLink } from '../payment-link.ts';
import { notFound, Problem } from '../problem.ts';
import type { Answer } from '../route.ts';
import { route } from '../route.ts';
import { requireSameChange } from '../same-change.ts';
import { Id } from '../schemas/common.ts';
import { BookingPayments, NewRefund, RefundList } from '../schemas/money.ts';
import { changeIdOf } from './cancellations.ts';

const tag = 'Payments';
const params = z.strictObject({ bookingId: Id });

interface Ref {
  tenantId: string;
  bookingId: string;
}

export const refundRoutes = [
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/refunds',
    id: 'refundBooking',
    tag,
    summary: 'Give a part back',
    about:
      'The booking stays as it is: so much less is kept of its price, and it goes back from its newest payments first. Repeating a key refunds once. Of an `external` payment it is only recorded, with your reference; without one it waits as `asked`.',
    scopes: ['payments:write'],
    idempotent: true,
    params,
    body: NewRefund,
    bodyExample: { amountMinor: 2500, reason: 'goodwill' },
    answer: { status: 200, about: 'All refunds of the booking.', schema: RefundList },
    problems: ['not-found', 'refund-too-large', 'change-under-way', 'unavailable'],
    async handle(input, deps) {
      const ref = { tenantId: input.caller.tenantId, bookingId: input.params.bookingId };
      const { amountMinor, reason, reference } = input.body;
      const changeId = changeIdOf(ref, claimOf(input).key);
      if (!(await findBooking(deps.database, ref))) throw notFound('booking');
      const ask = { amountMinor, reference: reference ?? null };
      await requireSameChange(deps, { ...ref, changeId }, { kind: 'refund', ask });
      const done = await asking(
        deps.commands.changeBooking({ ...ref, changeId, reason, kind: 'refund', ask }),
      );
      if (done.kind === 'no-such-booking') throw notFound('booking');
      if (done.kind === 'busy')
        throw new Problem('change-under-way', { headers: { 'retry-after': '2' } });
      if (done.kind === 'too-much')
        throw new Problem('refund-too-large', { more: { refundableMinor: done.refundableMinor } });
      return refunds(ref, deps);
    },
  }),
  route({
    method: 'get',
    path: '/v1/bookings/{bookingId}/refunds',
    id: 'listRefunds',
    tag,
    summary: "List a booking's refunds",
    scopes: ['bookings:write', 'payments:write'],
    params,
    answer: { status: 200, about: 'The oldest first.', schema: RefundList },
    problems: ['not-found'],
    handle: ({ caller, params: { bookingId } }, deps) =>
      refunds({ tenantId: caller.tenantId, bookingId }, deps),
  }),
  route({
    method: 'get',
    path: '/v1/bookings/{bookingId}/payments',
    id: 'listPayments',
    tag,
    summary: "List a booking's payments and what is due",
    scopes: ['bookings:write', 'payments:write'],
    params,
    answer: { status: 200, about: 'All of them.', schema: BookingPayments },
    problems: ['not-found'],
    async handle({ caller, params: { bookingId } }, { database, config }) {
      const { tenantId, fingerprintKey } = caller;
      const ref = { tenantId, bookingId };
      if (!(await findBooking(database, ref))) throw notFound('booking');
      const { payments, due } = await listPayments(database.pool, ref);
      return {
        body: {
          items: payments.map(({ ending, captureBeforeAt, createdAt, ...payment }) => ({
            ...payment,
            outcome: ending,
            captureBeforeAt: captureBeforeAt?.toISOString() ?? null,
            createdAt: createdAt.toISOString(),
          })),
          due: due.map(({ n, nextAt, payUntilAt, ...one }) => ({
            ...one,
            payment: n,
            nextAt: nextAt.toISOString(),
            payUntilAt: payUntilAt?.toISOString() ?? null,
            paymentLink:
              n === null ? null : paymentLink(config.publicUrl, { ...ref, n, fingerprintKey }),
          })),
        },
      };
    },
  }),
];

async function refunds(ref: Ref, { database: { pool } }: ApiDependencies): Promise<Answer> {
  const refundableMinor = await refundableOf(pool, ref);
  if (refundableMinor === null) throw notFound('booking');
  const rows = await refundsOf(pool, ref);
  const items = rows.map(({ n, createdAt, updatedAt, ...refund }) => ({
    ...refund,
    payment: n,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }));
  return { body: { items, refundableMinor } };
}
