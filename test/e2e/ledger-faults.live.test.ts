import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeAll, untilSettled } from '../support/checker.ts';
import { createGates, type Gates } from '../support/gates.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addPaymentAccount } from '../support/scene.ts';
import { book, booked, cancel, openShop, PRICE_MINOR, shortenHolds } from '../support/shop.ts';
import type { Shop } from '../support/shop.ts';

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
  if (holdTtlMs !== undefined) await shortenHolds(holdfast, shop, holdTtlMs);
  return shop;
};

// The long ones first: a few run at once.
describe.concurrent('a step that the database refuses', () => {
  it('the release, for good: a person is called, and it goes on by itself', async () => {
    const shop = await shopOf();
    const refusal = await gates.refuse(shop.resourceId, 'declined');
    const asked = book(holdfast, shop, { card: 'pm_card_visa_chargeDeclined' });
    const stuck = await untilCalled(asked.id);
    expect(stuck.body).toMatchObject({ state: 'paying', attention: 'stuck-release-hold' });
    await refusal.lift();
    const [judged] = await untilSettled(holdfast, [asked], 90_000);
    expect(judged?.state).toBe('declined');
  }, 180_000);

  it('the commit, when the payment account is then closed to us: the same', async () => {
    const shop = await openShop(holdfast);
    await shortenHolds(holdfast, shop, 4_000);
    await gates.refuse(shop.resourceId, 'confirmed');
    const asked = book(holdfast, shop);
    const intent = await until(
      () => intentOf(asked.id),
      (found) => found?.status === 'requires_capture',
    );
    const closed = await closeAccount(intent!.account);
    const stuck = await untilCalled(asked.id);
    expect(stuck.body.attention).toBe('stuck-void-payment');
    const [open] = await judgeAll(holdfast, [asked]);
    expect(open?.wrong).toContain(`${PRICE_MINOR} authorized and neither captured nor let go`);
    await closed.reopen();
    const [judged] = await untilSettled(holdfast, [asked], 90_000);
    expect(judged?.state).toBe('expired');
  }, 180_000);

  it('the commit, a few times, and the account is closed before the capture: the same', async () => {
    const shop = await openShop(holdfast);
    const refusal = await gates.refuse(shop.resourceId, 'confirmed');
    const asked = book(holdfast, shop);
    const intent = await until(
      () => intentOf(asked.id),
      (found) => found?.status === 'requires_capture',
    );
    const closed = await closeAccount(intent!.account);
    await refusal.lift();
    const stuck = await untilCalled(asked.id);
    expect(stuck.body).toMatchObject({ state: 'confirmed', attention: 'stuck-capture-payment' });
    await closed.reopen();
    const [judged] = await untilSettled(holdfast, [asked], 90_000);
    expect(judged?.state).toBe('confirmed');
    const { body } = await holdfast.call('GET', `/bookings/${asked.id}`);
    expect(body).toMatchObject({ attention: null, payment: { status: 'captured' } });
  }, 180_000);

  it('the hold, for good: no booking, no charge, and its key is spent', async () => {
    const shop = await shopOf();
    const refusal = await gates.refuse(shop.resourceId, 'held');
    const asked = { ...book(holdfast, shop), expected: { mayBeMissing: true } };
    const early = await asked.answer;
    expect(early?.status).toBe(409);
    expect(early?.headers.get('retry-after')).not.toBeNull();
    const late = await until(asked.again, ({ body }) => body.type.endsWith('given-up'), 60_000);
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
});

it('a worker told to stop stops, although the database refuses the step it is at', async () => {
  const shop = await shopOf();
  const refusal = await gates.refuse(shop.resourceId, 'declined');
  const asked = book(holdfast, shop, { card: 'pm_card_visa_chargeDeclined' });
  await until(refusal.hits, (hits) => hits > 2);
  const startedAt = performance.now();
  await holdfast.worker.stop('SIGTERM');
  expect(performance.now() - startedAt).toBeLessThan(30_000);
  await refusal.lift();
  await holdfast.startWorker();
  const [judged] = await untilSettled(holdfast, [asked]);
  expect(judged?.state).toBe('declined');
});

const untilCalled = (bookingId: string) =>
  until(
    () => holdfast.call('GET', `/bookings/${bookingId}`),
    ({ body }) => typeof body.attention === 'string',
    90_000,
  );

async function intentOf(bookingId: string) {
  const { intents } = await holdfast.control<{ intents: { account: string; status: string }[] }>(
    'GET',
    `/stripe/ledger?metadata[booking_id]=${bookingId}`,
  );
  return intents[0];
}

/** Its key is another one meanwhile, as when a merchant rolls it. */
async function closeAccount(id: string): Promise<{ reopen: () => Promise<unknown> }> {
  const place = `/stripe/accounts/${id}`;
  const { accounts } = await holdfast.control<{ accounts: { id: string; secretKey: string }[] }>(
    'GET',
    '/stripe/accounts',
  );
  const { secretKey } = accounts.find((account) => account.id === id)!;
  await holdfast.control('PUT', place, {
    secretKey: `sk_test_other${randomUUID().replaceAll('-', '')}`,
  });
  return { reopen: () => holdfast.control('PUT', place, { secretKey }) };
}
