import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { startHoldfast, until, type Answer, type Holdfast } from '../support/holdfast.ts';
import { keptOf, untilEven } from '../support/money.ts';
import { fault, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import { addBrowserAccount, payerConfirms, type BrowserAccount } from '../support/payer.ts';
import {
  booked,
  openShop,
  PRICE_MINOR,
  shortenHolds,
  type Asked,
  type Shop,
} from '../support/shop.ts';

/** Sold by the night, so that a longer stay costs more. */
const NIGHTLY = { price: { per: 'night', amountMinor: PRICE_MINOR, currency: 'eur' } };
const DAY_MS = 86_400_000;

let holdfast: Holdfast;
let account: BrowserAccount;
let shop: Shop;
let hasty: Shop;
let temporal: Client;
beforeAll(async () => {
  holdfast = await startHoldfast();
  account = await addBrowserAccount(holdfast);
  shop = await openShop(holdfast, { accountId: account.id, settings: NIGHTLY });
  hasty = await openShop(holdfast, { accountId: account.id, settings: NIGHTLY });
  await shortenHolds(holdfast, hasty, 5_000);
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  temporal = new Client({ connection, namespace: inject('temporalNamespace') });
});
afterEach(() => liftFaults(holdfast));
afterAll(async () => {
  await temporal.connection.close();
  await holdfast.stop();
});

/** Each far from all others of the shop. */
let day = 20;
const fresh = async (at: Shop = shop): Promise<Asked> => {
  at.nextHour = (day += 6) * 24;
  return booked(holdfast, at);
};
const laterBy = (asked: Asked, { days, nights = 0 }: { days: number; nights?: number }) => ({
  startAt: new Date(Date.parse(asked.startAt) + days * DAY_MS).toISOString(),
  endAt: new Date(Date.parse(asked.endAt) + (days + nights) * DAY_MS).toISOString(),
});
type Span = ReturnType<typeof laterBy>;

const quote = async (asked: Asked, to: Span): Promise<Answer['body']> => {
  const answer = await holdfast.call('POST', `/bookings/${asked.id}/reschedule-quotes`, to);
  if (answer.status !== 201) throw new Error(`not quoted: ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const confirm = (asked: Asked, quoteId: string, more: object = {}, key: string = randomUUID()) =>
  holdfast.call(
    'POST',
    `/bookings/${asked.id}/reschedule`,
    { quoteId, ...more },
    { 'idempotency-key': key },
  );
const card = (paymentMethod = 'pm_card_visa') => ({ payment: { kind: 'method', paymentMethod } });
const read = async ({ id }: Asked) => (await holdfast.call('GET', `/bookings/${id}`)).body;
const isFree = async (asked: Asked, span: Span): Promise<boolean> => {
  const { body } = await holdfast.call(
    'GET',
    `/resources/${asked.resourceId}/availability?from=${span.startAt}&to=${span.endAt}`,
  );
  return (body.spans as unknown[]).length > 0;
};
/** The booking is as it was, and the time it wanted is free again. */
const untouched = async (asked: Asked, to: Span) => {
  expect(await read(asked)).toMatchObject({ startAt: asked.startAt, amountMinor: PRICE_MINOR });
  await until(
    () => isFree(asked, to),
    (free) => free,
  );
  await untilEven(holdfast, asked.id, PRICE_MINOR);
};

describe('a new time', () => {
  it('at the same price moves the booking and no money', async () => {
    const asked = await fresh();
    const to = laterBy(asked, { days: 1 });
    const said = await quote(asked, to);
    expect(said).toMatchObject({ ...to, chargeMinor: 0, refundMinor: 0 });
    const key = randomUUID();
    const moved = await confirm(asked, said.id, {}, key);
    expect(moved).toMatchObject({ status: 200, body: { ...to, state: 'confirmed' } });
    expect((await confirm(asked, said.id, {}, key)).body.startAt).toBe(to.startAt);
    expect(await confirm(asked, said.id)).toMatchObject({ status: 409 });
    expect(await isFree(asked, asked)).toBe(true);
    expect(await isFree(asked, to)).toBe(false);
    expect(await untilEven(holdfast, asked.id, PRICE_MINOR)).toMatchObject({ captures: 1 });
  });

  it('that costs more charges exactly the difference, also where it overlaps the old one', async () => {
    const asked = await fresh();
    const to = laterBy(asked, { days: 0, nights: 2 });
    const said = await quote(asked, to);
    expect(said).toMatchObject({ amountMinor: 2 * PRICE_MINOR, chargeMinor: PRICE_MINOR });
    expect((await confirm(asked, said.id)).body.type).toBe('/problems/payment-unsuitable');
    expect(await confirm(asked, said.id, card())).toMatchObject({ status: 200, body: to });
    expect(await untilEven(holdfast, asked.id, 2 * PRICE_MINOR)).toMatchObject({ captures: 2 });
  });

  it('that costs less gives exactly the difference back', async () => {
    const asked = await fresh();
    const long = await quote(asked, laterBy(asked, { days: 0, nights: 3 }));
    await confirm(asked, long.id, card());
    await untilEven(holdfast, asked.id, 3 * PRICE_MINOR);
    const said = await quote(asked, laterBy(asked, { days: 1 }));
    expect(said).toMatchObject({ refundMinor: 2 * PRICE_MINOR, chargeMinor: 0 });
    expect(await confirm(asked, said.id)).toMatchObject({ status: 200 });
    await untilEven(holdfast, asked.id, PRICE_MINOR);
    expect(await read(asked)).toMatchObject({ owedMinor: PRICE_MINOR, amountMinor: PRICE_MINOR });
  });

  it('that cannot be had is refused at the quote, with what is near', async () => {
    const asked = await fresh();
    const other = await fresh();
    const answer = await holdfast.call('POST', `/bookings/${asked.id}/reschedule-quotes`, {
      startAt: other.startAt,
      endAt: other.endAt,
    });
    expect(answer).toMatchObject({ status: 409, body: { refusal: 'taken' } });
  });

  it('that was taken since the quote is refused, and the old one kept', async () => {
    const asked = await fresh();
    const to = laterBy(asked, { days: 1 });
    const said = await quote(asked, to);
    shop.nextHour = day * 24 + 24;
    await booked(holdfast, shop);
    expect(await confirm(asked, said.id)).toMatchObject({
      status: 409,
      body: { refusal: 'taken' },
    });
    expect(await read(asked)).toMatchObject({ startAt: asked.startAt });
  });
});

describe('money that does not come leaves the booking as it was', () => {
  it('a card that is declined; then the same quote with another card', async () => {
    const asked = await fresh();
    const to = laterBy(asked, { days: 0, nights: 2 });
    const said = await quote(asked, to);
    const declined = await confirm(asked, said.id, card('pm_card_visa_chargeDeclined'));
    expect(declined).toMatchObject({ status: 402, body: { code: 'generic_decline' } });
    expect(await read(asked)).toMatchObject({ endAt: asked.endAt });
    await untilEven(holdfast, asked.id, PRICE_MINOR);
    expect(await confirm(asked, said.id, card())).toMatchObject({ status: 200 });
    await untilEven(holdfast, asked.id, 2 * PRICE_MINOR);
  });

  it('a payer who does not come before the new time’s hold is over', async () => {
    const asked = await fresh(hasty);
    const to = laterBy(asked, { days: 0, nights: 2 });
    const said = await quote(asked, to);
    const waiting = await confirm(asked, said.id, { payment: { kind: 'browser' } });
    expect(waiting).toMatchObject({ status: 202, body: { endAt: asked.endAt } });
    expect(waiting.body.payment.clientSecret).toMatch(/_secret_/);
    await untouched(asked, { startAt: asked.endAt, endAt: to.endAt });
  });
});

it('a payer at a browser has the new time when the bank says yes', async () => {
  const asked = await fresh();
  const to = laterBy(asked, { days: 0, nights: 2 });
  const said = await quote(asked, to);
  const key = randomUUID();
  const by = { payment: { kind: 'browser' } };
  const waiting = await confirm(asked, said.id, by, key);
  expect(waiting.status).toBe(202);
  expect(await confirm(asked, said.id, by, key)).toMatchObject({ status: 202 });
  expect(await isFree(asked, { startAt: asked.endAt, endAt: to.endAt })).toBe(false);
  await payerConfirms(holdfast, asked.id);
  await until(
    () => read(asked),
    (body) => body.endAt === to.endAt,
  );
  await untilEven(holdfast, asked.id, 2 * PRICE_MINOR);
  expect((await confirm(asked, said.id, by, key)).status).toBe(200);
});

describe('a change whose run is gone', () => {
  const age = (bookingId: string) =>
    holdfast.database.pool.query(
      `UPDATE booking_change SET created_at = created_at - interval '1 hour' WHERE booking_id = $1`,
      [bookingId],
    );
  it.each(['create', 'confirm', 'capture', 'refund'] as const)(
    'at its %s goes on from its row',
    async (call) => {
      const asked = await fresh();
      const isLess = call === 'refund';
      if (isLess) {
        const long = await quote(asked, laterBy(asked, { days: 0, nights: 2 }));
        await confirm(asked, long.id, card());
        await untilEven(holdfast, asked.id, 2 * PRICE_MINOR);
      }
      const to = laterBy(asked, { days: 1, nights: isLess ? 0 : 2 });
      const said = await quote(asked, to);
      await fault(holdfast, { ...STRIPE_CALLS[call], hold: call, holdAt: 'after' });
      const key = randomUUID();
      const first = confirm(asked, said.id, isLess ? {} : card(), key).catch(() => null);
      await untilHeld(holdfast, call);
      for await (const run of temporal.workflow.list({
        query: `WorkflowType = 'bookingChange' AND ExecutionStatus = 'Running' AND HoldfastTenant = '${holdfast.tenantId}'`,
      }))
        if (run.workflowId.includes(asked.id))
          await temporal.workflow.getHandle(run.workflowId).terminate('as if its data were lost');
      await liftFaults(holdfast);
      await release(holdfast, call);
      await first;
      await age(asked.id);
      await until(
        () => read(asked),
        (body) => body.startAt === to.startAt && body.endAt === to.endAt,
      );
      const owed = isLess ? PRICE_MINOR : 2 * PRICE_MINOR;
      await untilEven(holdfast, asked.id, owed);
      const kept = await keptOf(holdfast, asked.id);
      expect(kept.captures).toBe(2);
    },
  );
});

describe('a cancellation', () => {
  const TIERS = { cancellation: [{ beforeMs: 0, feePercent: 30, feeMinor: 0 }] };
  it('that was quoted gives exactly that back', async () => {
    const strict = await openShop(holdfast, { accountId: account.id, settings: TIERS });
    const asked = await booked(holdfast, strict);
    const path = `/bookings/${asked.id}/cancellation-quotes`;
    const { body: said } = await holdfast.call('POST', path, {});
    const keepMinor = PRICE_MINOR * 0.3;
    expect(said).toMatchObject({ keepMinor, refundMinor: PRICE_MINOR - keepMinor });
    const { body } = await holdfast.call('POST', `/bookings/${asked.id}/cancel`, {
      quoteId: said.id,
    });
    expect(body.state).toBe('cancelled');
    await untilEven(holdfast, asked.id, keepMinor);
  });

  it('whose quote rests on another time is refused', async () => {
    const asked = await fresh();
    const path = `/bookings/${asked.id}/cancellation-quotes`;
    const { body: said } = await holdfast.call('POST', path, {});
    const moved = await quote(asked, laterBy(asked, { days: 1 }));
    await confirm(asked, moved.id);
    const answer = await holdfast.call('POST', `/bookings/${asked.id}/cancel`, {
      quoteId: said.id,
    });
    expect(answer.body).toMatchObject({ type: '/problems/quote-over', quotes: `/v1${path}` });
  });
});
