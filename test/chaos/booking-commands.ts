import { expect } from 'vitest';
import fc from 'fast-check';
import { payerConfirms } from '../support/payer.ts';
import { deedCommands } from './booking-deeds.ts';
import {
  CAPACITY,
  isOurs,
  mayHave,
  PAYMENTS,
  PRICE_MINOR,
  refusalsOf,
  type ModelBooking,
  type Payment,
  type Spot,
} from './booking-model.ts';
import { expectRefusal, pick, spots, type Command } from './booking-steps.ts';
import { idFor, post, timeOf, untilRead, type Real } from './booking-world.ts';

const CARDS: Partial<Record<Payment, string>> = { declined: 'pm_card_visa_chargeDeclined' };

const paymentOf = (real: Real, payment: Payment): Record<string, unknown> => {
  const accountId = real.world.account.id;
  if (payment === 'external') return { kind: 'external' };
  if (payment === 'browser') return { kind: 'browser', accountId };
  return { kind: 'method', paymentMethod: CARDS[payment] ?? 'pm_card_visa', accountId };
};

interface Booking {
  spot: Spot;
  party: number;
  payment: Payment;
}

const book = ({ spot, party, payment }: Booking): Command => ({
  check: () => true,
  toString: () => `book ${party} of ${spot.place} at ${spot.slot} by ${payment}`,
  async run(model, real) {
    real.world.attempts += 1;
    const key = real.nextKey();
    const id = idFor(real, key);
    if (payment === 'lost') await loseAnswers(real, id);
    const { place } = spot;
    const asked = { resourceId: real.world.ids[place], ...timeOf(real, spot), party };
    const answer = await post(
      real,
      '/bookings',
      { ...asked, payment: paymentOf(real, payment) },
      key,
    );
    const refusals = refusalsOf(model, spot, { party });
    if (refusals.length > 0) return expectRefusal(answer, refusals);
    expect(answer).toMatchObject({ status: 201, body: { id, party } });
    const priceMinor = PRICE_MINOR * party;
    expect(answer.body.amountMinor).toBe(priceMinor);
    const units = answer.body.units as number[];
    expect(mayHave(model, spot, { units, party })).toBe(true);
    const booking: ModelBooking = {
      ...spot,
      id,
      party,
      units,
      payment,
      priceMinor,
      keptMinor: 0,
      state: 'held',
      isContested: false,
      extensions: 0,
    };
    model.bookings.push(booking);
    if (payment === 'external' || payment === 'browser') return;
    booking.state = payment === 'declined' ? 'declined' : 'confirmed';
    await untilPaid(real, booking);
  },
});

/** The service does what it is asked, and its answers get lost on the way. */
const loseAnswers = (real: Real, bookingId: string) =>
  real.world.holdfast.control('POST', '/stripe/executions', {
    match: '^POST /v1/payment_intents.*(confirm|capture)$',
    bookingId,
    answer: 'lost',
    times: 2,
  });

/** Until the service agrees with the model about what a payment led to. */
async function untilPaid(real: Real, booking: ModelBooking): Promise<void> {
  const { state, priceMinor } = booking;
  booking.keptMinor = state === 'confirmed' && isOurs(booking) ? priceMinor : 0;
  const { body } = await untilRead(
    real,
    booking.id,
    (now) =>
      !['held', 'paying'].includes(now.state as string) &&
      (now.state !== 'confirmed' || !isOurs(booking) || now.payment.status === 'captured'),
  );
  expect(body.state).toBe(state);
  if (isOurs(booking))
    expect(body.payment.capturedMinor - body.payment.refundedMinor).toBe(booking.keptMinor);
}

/** Of a booking that waits for it; a hold that an outside event lies over is not confirmed. */
const pay = (n: number): Command => {
  const waits = ({ state }: ModelBooking) => state === 'held';
  return {
    check: (model) => pick(model, n, waits) !== undefined,
    toString: () => `pay held ${n}`,
    async run(model, real) {
      const booking = pick(model, n, waits)!;
      if (booking.payment === 'browser') await payerConfirms(real.world.holdfast, booking.id);
      booking.state = booking.isContested ? 'cancelled' : 'confirmed';
      if (booking.payment === 'external') {
        const reference = { reference: 'invoice-1' };
        const { status } = await post(real, `/bookings/${booking.id}/confirm`, reference);
        expect(status).toBe(booking.isContested ? 409 : 200);
      }
      await untilPaid(real, booking);
    },
  };
};

/** Once, as the resource allows; then no more. */
const extend = (n: number): Command => {
  const waits = ({ state }: ModelBooking) => state === 'held';
  return {
    check: (model) => pick(model, n, waits) !== undefined,
    toString: () => `extend held ${n}`,
    async run(model, real) {
      const booking = pick(model, n, waits)!;
      const { status } = await post(real, `/bookings/${booking.id}/extend`, {});
      expect(status).toBe(booking.extensions === 0 ? 200 : 409);
      booking.extensions = 1;
    },
  };
};

const bookings = spots.chain((spot) =>
  fc.record({
    spot: fc.constant(spot),
    party: fc.integer({ min: 1, max: CAPACITY[spot.place] + Number(spot.place === 'chair') }),
    payment: fc.constantFrom(...PAYMENTS),
  }),
);

/** Bookings come more often than anything that is done to them. */
export const bookingCommands = [
  ...Array.from({ length: 10 }, () => bookings.map(book)),
  fc.nat({ max: 9 }).map(pay),
  fc.nat({ max: 9 }).map(pay),
  fc.nat({ max: 9 }).map(extend),
  ...deedCommands,
];
