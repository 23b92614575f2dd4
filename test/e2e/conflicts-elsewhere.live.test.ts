import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { calendarPath } from '../support/calendar.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addPaymentAccount, addResource, at, connectGoogle, type Scene } from '../support/scene.ts';
import { booked, openShop, PRICE_MINOR, type Shop } from '../support/shop.ts';

/** Conflicts over what a booking takes beside its own units, many at once, and their calendar's end. */
let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterAll(() => holdfast.stop());

const put = async ({ calendarId }: Scene, startAt: string, hours: number) =>
  holdfast.control('POST', `${calendarPath(calendarId)}/events`, {
    summary: 'Family',
    start: { dateTime: startAt },
    end: { dateTime: new Date(Date.parse(startAt) + hours * 3_600_000).toISOString() },
  });

interface Shown {
  id: string;
  state: string;
  outcome: string | null;
  connectionId: string;
}
const conflictOf = async (id: string, passes: (one: Shown) => boolean): Promise<Shown> => {
  const { body } = await until(
    () => holdfast.call('GET', `/conflicts?bookingId=${id}`),
    ({ body }) => body.items.length === 1 && passes(body.items[0]),
    30_000,
  );
  return body.items[0];
};
const isOpen = ({ state }: Shown) => state === 'open';
const isSettled = ({ state }: Shown) => state === 'settled';
const read = async (id: string) => (await holdfast.call('GET', `/bookings/${id}`)).body;

/** How a booking stands once its conflict is settled and everything is given back. */
async function refunded(id: string): Promise<unknown[]> {
  const { outcome } = await conflictOf(id, isSettled);
  const { body } = await until(
    () => holdfast.call('GET', `/bookings/${id}`),
    (answer) => answer.body.payment.refundedMinor === PRICE_MINOR,
    30_000,
  );
  return [outcome, body.state, body.reason];
}
const CALLED_OFF = ['cancelled', 'cancelled', 'conflict'];

/** Two shops of which one is a part of the other, each with a calendar. */
async function villaAndRoom(): Promise<Record<'villa' | 'room', { shop: Shop; scene: Scene }>> {
  const accountId = await addPaymentAccount(holdfast);
  const open = async () => {
    const settings = { conflicts: { rule: 'keep-theirs' } };
    const shop = await openShop(holdfast, { accountId, settings });
    return { shop, scene: await connectGoogle(holdfast, { resourceId: shop.resourceId }) };
  };
  const [villa, room] = [await open(), await open()];
  const link = { linkedId: room.shop.resourceId, kind: 'part' };
  await holdfast.call('POST', `/resources/${villa.shop.resourceId}/links`, link);
  return { villa, room };
}

it('an event in the calendar of a villa calls off the room booked then, and the other way round', async () => {
  const { villa, room } = await villaAndRoom();
  const part = await booked(holdfast, room.shop);
  villa.shop.nextHour = 5;
  const whole = await booked(holdfast, villa.shop);
  await put(villa.scene, part.startAt, 2);
  await put(room.scene, whole.startAt, 2);
  expect(await refunded(part.id)).toEqual(CALLED_OFF);
  expect(await refunded(whole.id)).toEqual(CALLED_OFF);
});

it('an event over a session calls off who booked it, and the places are free again', async () => {
  const accountId = await addPaymentAccount(holdfast);
  const price = { per: 'booking', amountMinor: PRICE_MINOR, currency: 'eur' };
  const settings = { soldBy: 'session', price, conflicts: { rule: 'keep-theirs' } };
  const resourceId = await addResource(holdfast, { settings });
  const scene = await connectGoogle(holdfast, { resourceId });
  const times = { startAt: at(4, 10), endAt: at(4, 12) };
  const path = `/resources/${resourceId}/sessions`;
  const made = await holdfast.call('POST', path, { sessions: [{ ...times, capacity: 9 }] });
  const sessionId = made.body.sessions[0].id as string;
  const payment = { kind: 'method', paymentMethod: 'pm_card_visa', accountId };
  const { body } = await holdfast.call(
    'POST',
    '/bookings',
    { resourceId, sessionId, party: 4, payment },
    { 'idempotency-key': randomUUID(), prefer: 'wait=10' },
  );
  expect(body.state).toBe('confirmed');
  await put(scene, at(4, 11), 3);
  expect(await refunded(body.id)).toEqual(CALLED_OFF);
  expect((await holdfast.call('GET', `${path}/${sessionId}`)).body.placesLeft).toBe(9);
});

it('many that ask are decided alike by one call, and those of a calendar that leaves settle by themselves', async () => {
  const shop = await openShop(holdfast, { settings: { conflicts: { rule: 'ask' } } });
  const scene = await connectGoogle(holdfast, { resourceId: shop.resourceId });
  const all = [];
  for (let n = 0; n < 4; n += 1) {
    all.push(await booked(holdfast, shop));
    shop.nextHour += 3;
  }
  for (const { startAt } of all) await put(scene, startAt, 2);
  const found = await Promise.all(all.map(({ id }) => conflictOf(id, isOpen)));
  const ids = found.map((one) => one.id);
  const decided = await holdfast.call('POST', '/conflicts/decide', {
    ids: ids.slice(0, 2),
    keep: 'ours',
  });
  expect(decided.body.items).toMatchObject([{ problem: null }, { problem: null }]);
  for (const { id } of all.slice(0, 2))
    expect(await conflictOf(id, isSettled)).toMatchObject({ outcome: 'kept-ours' });
  await holdfast.call('POST', `/connections/${scene.connectionId}/disconnect`, {});
  for (const { id } of all.slice(2))
    expect(await conflictOf(id, isSettled)).toMatchObject({ outcome: 'gone' });
  for (const { id } of all)
    await until(
      () => read(id),
      ({ state, attention }) => state === 'confirmed' && attention === null,
    );
});
