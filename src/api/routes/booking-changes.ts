import { z } from 'zod';
import type { BookingState } from '../../domain/booking.ts';
import { findBooking } from '../../store/booking-reads.ts';
import { eraseGuest } from '../../store/guests.ts';
import { asking } from '../commands.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound, Problem } from '../problem.ts';
import type { Answer } from '../route.ts';
import { route } from '../route.ts';
import { Booking, Confirmation } from '../schemas/booking.ts';
import { Id } from '../schemas/common.ts';
import { showBooking } from '../show-booking.ts';

const tag = 'Bookings';
const scopes = ['bookings:write'] as const;
const params = z.strictObject({ bookingId: Id });

interface Ref {
  tenantId: string;
  bookingId: string;
}

export const bookingChangeRoutes = [
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/confirm',
    id: 'confirmBooking',
    tag,
    summary: 'Confirm an external payment',
    about:
      'Says that you have the money, with your own reference. A key for it belongs where the money is counted, never into a front end. Repeating it changes nothing.',
    scopes: ['payments:write'],
    params,
    body: Confirmation,
    bodyExample: { reference: 'invoice-2027-0042' },
    answer: { status: 200, about: 'The booking as it is now.', schema: Booking },
    problems: ['not-found', 'not-awaiting-confirmation', 'unavailable'],
    async handle({ caller, params, body }, deps) {
      const ref = { tenantId: caller.tenantId, bookingId: params.bookingId };
      const before = await findBooking(deps.database, ref);
      if (!before) throw notFound('booking');
      if (before.paymentKind !== 'external') throw ended('not-awaiting-confirmation', before.state);
      if (before.state === 'confirmed') return answerOf(ref, deps);
      const { reference } = body;
      const done = await asking(deps.commands.confirmBooking({ ...ref, reference }));
      if (done.kind === 'no-such-booking') throw notFound('booking');
      if (done.kind === 'not-awaiting' && done.state !== 'confirmed')
        throw ended('not-awaiting-confirmation', done.state);
      return answerOf(ref, deps);
    },
  }),
  route({
    method: 'delete',
    path: '/v1/bookings/{bookingId}/guest',
    id: 'eraseGuest',
    tag,
    summary: "Erase a booking's guest",
    about: 'The booking stays; name, contact, reference and metadata are gone for good.',
    scopes,
    params,
    answer: { status: 204, about: 'Erased, or there was none.', schema: null },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const ref = { tenantId: caller.tenantId, bookingId: params.bookingId };
      if (!(await eraseGuest(database, ref))) throw notFound('booking');
      return {};
    },
  }),
];

async function answerOf(ref: Ref, { database }: ApiDependencies): Promise<Answer> {
  const row = await findBooking(database, ref);
  if (!row) throw notFound('booking');
  return { body: showBooking(row, ref.tenantId) };
}

const ended = (name: 'not-awaiting-confirmation', state: BookingState): Problem =>
  new Problem(name, { more: { state } });
