import { expect } from 'vitest';
import fc from 'fast-check';
import { calendarPath } from '../support/calendar.ts';
import { until, type Holdfast } from '../support/holdfast.ts';
import type { Scene } from '../support/scene.ts';
import { expectRefusal, pick, spots, type Command } from './booking-steps.ts';
import {
  CAPACITY,
  feeOf,
  isLive,
  isOurs,
  mayHave,
  refusalsOf,
  SLOTS,
  type Model,
  type ModelBooking,
  type Spot,
} from './booking-model.ts';
import { differences, post, spanOf, timeOf, untilRead } from './booking-world.ts';

/** What is done to bookings that are there, and around them. */
const isConfirmed = ({ state }: ModelBooking) => state === 'confirmed';

/** Also of what is over: a cancelled one stays cancelled, a declined one cannot be. */
const cancel = ([n, quoted]: readonly [number, boolean]): Command => ({
  check: ({ bookings }) => bookings.length > 0,
  toString: () => `cancel ${n}${quoted ? ', quoted' : ''}`,
  async run(model, real) {
    const booking = pick(model, n, () => true)!;
    const path = `/bookings/${booking.id}`;
    const isToKeep = booking.state === 'confirmed';
    const keptMinor = isToKeep ? feeOf(booking) : booking.keptMinor;
    let quoteId: string | undefined;
    if (quoted) {
      const { status, body } = await post(real, `${path}/cancellation-quotes`, {});
      expect(status).toBe(isToKeep ? 201 : 409);
      if (isToKeep && isOurs(booking))
        expect(body).toMatchObject({ keepMinor: keptMinor, paidMinor: booking.keptMinor });
      if (isToKeep) quoteId = body.id as string;
    }
    const answer = await post(real, `${path}/cancel`, quoteId ? { quoteId } : {});
    expect(answer.status).toBe(booking.state === 'declined' ? 409 : 200);
    if (booking.state === 'declined') return;
    expect(answer.body.state).toBe('cancelled');
    booking.state = 'cancelled';
    booking.keptMinor = keptMinor;
  },
});

const reschedule = ([n, slot]: readonly [number, number]): Command => {
  const movable = (one: ModelBooking) => isConfirmed(one) && one.slot !== slot;
  return {
    check: (model) => pick(model, n, movable) !== undefined,
    toString: () => `reschedule ${n} to ${slot}`,
    async run(model, real) {
      const booking = pick(model, n, movable)!;
      const path = `/bookings/${booking.id}`;
      const to: Spot = { place: booking.place, slot };
      const { party } = booking;
      const said = await post(real, `${path}/reschedule-quotes`, timeOf(real, to));
      const refusals = refusalsOf(model, to, { party, except: booking });
      if (refusals.length > 0) return expectRefusal(said, refusals);
      expect(said).toMatchObject({ status: 201, body: { chargeMinor: 0, refundMinor: 0 } });
      const answer = await post(real, `${path}/reschedule`, { quoteId: said.body.id as string });
      expect(answer).toMatchObject({
        status: 200,
        body: spanOf(real, to),
      });
      const units = answer.body.units as number[];
      expect(mayHave(model, to, { units, party, except: booking })).toBe(true);
      Object.assign(booking, { slot, units });
    },
  };
};

/** By staff, of what is kept; never more. */
const refund = ([n, percent]: readonly [number, number]): Command => {
  const charged = (one: ModelBooking) => isConfirmed(one) && isOurs(one);
  return {
    check: (model) => pick(model, n, charged) !== undefined,
    toString: () => `refund ${percent} % of ${n}`,
    async run(model, real) {
      const booking = pick(model, n, charged)!;
      const amountMinor = (booking.priceMinor * percent) / 100;
      const { status } = await post(real, `/bookings/${booking.id}/refunds`, { amountMinor });
      const isTooMuch = amountMinor > booking.keptMinor;
      expect(status).toBe(isTooMuch ? 409 : 200);
      if (isTooMuch) return;
      booking.keptMinor -= amountMinor;
      await untilRead(real, booking.id, ({ owedMinor }) => owedMinor === booking.keptMinor);
    },
  };
};

/** One unit, or all; bookings there stay. */
const block = ([spot, n]: readonly [Spot, number]): Command => ({
  check: () => spot.place !== 'tour',
  toString: () => `block ${spot.place} at ${spot.slot}, ${n === 0 ? 'whole' : `unit ${n}`}`,
  async run(model, real) {
    const unit = n === 0 ? null : Math.min(n, CAPACITY[spot.place]);
    const path = `/resources/${real.world.ids[spot.place]}/blocks`;
    const { status, body } = await post(real, path, { ...spanOf(real, spot), unit });
    expect(status).toBe(201);
    model.blocks.push({ ...spot, unit, id: body.id as string });
  },
});

const unblock = (n: number): Command => ({
  check: ({ blocks }) => blocks.length > 0,
  toString: () => `unblock ${n}`,
  async run(model, real) {
    const { holdfast, ids } = real.world;
    const [gone] = model.blocks.splice(n % model.blocks.length, 1);
    const path = `/resources/${ids[gone!.place]}/blocks/${gone!.id}`;
    expect((await holdfast.call('DELETE', path)).status).toBe(204);
  },
});

const isSold = (model: Model, slot: number): boolean =>
  model.bookings.some((one) => isConfirmed(one) && one.place === 'desk' && one.slot === slot);

/** Of somebody who writes into the desk's calendar; what is sold there would be a conflict. */
const outsideEvent = (slot: number): Command => ({
  check: (model) => !isSold(model, slot),
  toString: () => `outside event at ${slot}`,
  async run(model, real) {
    const { holdfast, desk } = real.world;
    const { startAt, endAt } = spanOf(real, { place: 'desk', slot });
    const { event } = await holdfast.control<{ event: { id: string } }>(
      'POST',
      `${calendarPath(desk.calendarId)}/events`,
      { summary: 'Dentist', start: { dateTime: startAt }, end: { dateTime: endAt } },
    );
    await untilListed(holdfast, desk, { nativeId: event.id, listed: true });
    model.events.push({ nativeId: event.id, slot });
    for (const booking of model.bookings)
      if (isLive(booking) && booking.place === 'desk' && booking.slot === slot)
        booking.isContested = true;
  },
});

const outsideGone = (n: number): Command => ({
  check: ({ events }) => events.length > 0,
  toString: () => `outside event ${n} is deleted`,
  async run(model, real) {
    const { holdfast, desk } = real.world;
    const [gone] = model.events.splice(n % model.events.length, 1);
    const { nativeId } = gone!;
    await holdfast.control('DELETE', `${calendarPath(desk.calendarId)}/events/${nativeId}`);
    await untilListed(holdfast, desk, { nativeId, listed: false });
  },
});

const untilListed = (
  holdfast: Holdfast,
  desk: Scene,
  { nativeId, listed }: { nativeId: string; listed: boolean },
) =>
  until(
    async () => {
      // The one named is the first of the page that begins just before it.
      const before = Buffer.from(nativeId.slice(0, -1)).toString('base64url');
      const path = `/connections/${desk.connectionId}/events?limit=200&after=${before}`;
      const { body } = await holdfast.call('GET', path);
      return (body.items as { nativeId: string; status: string }[]).some(
        (one) => one.nativeId === nativeId && one.status !== 'cancelled',
      );
    },
    (is) => is === listed,
    60_000,
  );

const look = (): Command => ({
  check: () => true,
  toString: () => 'look at availability',
  run: async (model, real) => expect(await differences(model, real)).toEqual([]),
});

const ns = fc.nat({ max: 9 });
const slots = fc.nat({ max: SLOTS - 1 });

export const deedCommands: fc.Arbitrary<Command>[] = [
  fc.tuple(ns, fc.boolean()).map(cancel),
  fc.tuple(ns, fc.boolean()).map(cancel),
  fc.tuple(ns, slots).map(reschedule),
  fc.tuple(ns, slots).map(reschedule),
  fc.tuple(ns, fc.constantFrom(20, 50, 100)).map(refund),
  fc.tuple(spots, fc.nat({ max: 3 })).map(block),
  ns.map(unblock),
  slots.map(outsideEvent),
  ns.map(outsideGone),
  fc.constant(null).map(look),
];
