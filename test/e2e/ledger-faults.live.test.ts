import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeAll, untilSettled } from '../support/checker.ts';
import { createGates, type Gates } from '../support/gates.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, liftFaults, STRIPE_CALLS } from '../support/outside.ts';
import { addPaymentAccount } from '../support/scene.ts';
import { book, booked, cancel, openShop, type Shop } from '../support/shop.ts';

/** The database refusing a step, by a trigger of the test's own database. All at once: they wait long. */
let holdfast: Holdfast;
let gates: Gates;
let accountId: string;
beforeAll(async () => {
  holdfast = await startHoldfast();
  gates = await createGates(holdfast.adminUrl);
  accountId = await addPaymentAccount(holdfast);
});
afterAll(async () => {
  await gates.close();
  await holdfast.stop();
});

const shopOf = async (holdTtlMs?: number): Promise<Shop> => {
  const shop = await openShop(holdfast, { accountId });
  if (holdTtlMs !== undefined)
    await holdfast.database.pool.query(
      `UPDATE resource SET settings = settings || jsonb_build_object('holdTtlMs', $2::int) WHERE id = $1`,
      [shop.resourceId, holdTtlMs],
    );
  return shop;
};

describe.concurrent('a step that the database refuses', () => {
  it.each(['held', 'paying', 'confirmed'])(
    '%s, a few times: the booking is confirmed and paid',
    async (move) => {
      const shop = await shopOf();
      const refusal = await gates.refuse(shop.resourceId, move, 3);
      const asked = book(holdfast, shop);
      const [judged] = await untilSettled(holdfast, [asked]);
      expect(judged?.state).toBe('confirmed');
      expect(await refusal.hits()).toBeGreaterThan(3);
    },
  );

  it('the hold, for good: no booking, no charge, and its key is spent', async () => {
    const shop = await shopOf();
    const refusal = await gates.refuse(shop.resourceId, 'held');
    const asked = { ...book(holdfast, shop), mayBeMissing: true };
    expect((await asked.answer)?.status).toBe(409);
    const late = await until(
      () => asked.again(),
      ({ body }) => body.type.endsWith('given-up'),
      60_000,
    );
    expect(late.status).toBe(409);
    await refusal.lift();
    // Fenced: the refused hold cannot arrive after all.
    expect((await asked.again()).status).toBe(409);
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged).toMatchObject({ state: null, wrong: [] });
  });

  it.each(['paying', 'confirmed'])(
    '%s, for good: the hold ends, released and not charged',
    async (move) => {
      const shop = await shopOf(4_000);
      await gates.refuse(shop.resourceId, move);
      const asked = book(holdfast, shop);
      const [judged] = await untilSettled(holdfast, [asked], 60_000);
      expect(judged?.state).toBe('expired');
    },
  );

  it('the release, a few times: it is released all the same', async () => {
    const shop = await shopOf();
    const refusal = await gates.refuse(shop.resourceId, 'declined', 5);
    const asked = book(holdfast, shop, { card: 'pm_card_visa_chargeDeclined' });
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('declined');
    expect(await refusal.hits()).toBe(6);
  });

  it('the cancel, a few times: it is cancelled and the money returned', async () => {
    const shop = await shopOf();
    const asked = await booked(holdfast, shop);
    await gates.refuse(shop.resourceId, 'cancelled', 3);
    expect((await cancel(holdfast, asked.id)).body.state).toBe('cancelled');
    await untilSettled(holdfast, [asked]);
  });

  it('an undo that is stuck calls a person, is found by search, and goes on by itself', async () => {
    const shop = await shopOf();
    const refusal = await gates.refuse(shop.resourceId, 'declined');
    const asked = book(holdfast, shop, { card: 'pm_card_visa_chargeDeclined' });
    const stuck = await until(
      () => holdfast.call('GET', `/bookings/${asked.id}`),
      ({ body }) => body.attention != null,
      90_000,
    );
    expect(stuck.body).toMatchObject({ state: 'paying', attention: 'stuck-release-hold' });
    await refusal.lift();
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('declined');
  });

  it('a void that is stuck calls a person too', async () => {
    const shop = await shopOf();
    await fault(holdfast, { ...STRIPE_CALLS.cancel, status: 500, times: 10_000 });
    const asked = book(holdfast, shop, { card: 'pm_card_authenticationRequired' });
    const stuck = await until(
      () => holdfast.call('GET', `/bookings/${asked.id}`),
      ({ body }) => body.attention != null,
      90_000,
    );
    expect(stuck.body.attention).toBe('stuck-void-payment');
    const [open] = await judgeAll(holdfast, [asked]);
    expect(open?.wrong).not.toEqual([]);
    await liftFaults(holdfast);
    const [judged] = await untilSettled(holdfast, [asked], 90_000);
    expect(judged?.state).toBe('declined');
  });
});
