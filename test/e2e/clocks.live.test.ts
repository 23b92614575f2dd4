import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOffered, untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { keptOf } from '../support/money.ts';
import { fault, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import { addResource } from '../support/scene.ts';
import { book, openShop, PRICE_MINOR, shortenHolds, type Shop } from '../support/shop.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Three times what a clock may be off before anybody looks after it. */
const OFF_MS = 15 * MINUTE_MS;
const PRELOAD = fileURLToPath(new URL('../support/shifted-clock.ts', import.meta.url));

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Told {
  state: string;
  holdExpiresAt: string;
  confirmedAt: string | null;
  endedAt: string | null;
}

/**
 * A hold for payment by the caller's own means, confirmed so long before its end (or after it). What
 * became of it, by the database's clock alone.
 */
async function confirmedNearItsEnd(
  holdfast: Holdfast,
  shop: Shop,
  beforeEndMs: number,
): Promise<Told> {
  const asked = book(holdfast, shop, { payment: { kind: 'external' } });
  const hold = await asked.answer;
  if (hold?.status !== 201) throw new Error(`not held: ${JSON.stringify(hold?.body)}`);
  await sleep(Date.parse((hold.body as Told).holdExpiresAt) - beforeEndMs - Date.now());
  await holdfast.call('POST', `/bookings/${asked.id}/confirm`, { reference: 'invoice-1' });
  const { body } = await until(
    () => holdfast.call('GET', `/bookings/${asked.id}`),
    ({ body: now }) => now.state === 'confirmed' || now.endedAt !== null,
  );
  return body as Told;
}

/** Confirmed past its hold, or refused within it; null when neither. */
function faultOf({ state, holdExpiresAt, confirmedAt, endedAt }: Told): string | null {
  const isConfirmed = state === 'confirmed';
  if (!isConfirmed && state !== 'expired') return `it is ${state}`;
  const lateMs = Date.parse((isConfirmed ? confirmedAt : endedAt)!) - Date.parse(holdExpiresAt);
  return isConfirmed === lateMs <= 0 || lateMs === 0
    ? null
    : `${state}, ${lateMs} ms past its hold`;
}

describe('a worker that does not run', () => {
  let holdfast: Holdfast;
  beforeAll(async () => {
    holdfast = await startHoldfast();
  });
  afterAll(() => holdfast.stop());

  it('leaves a hold that ends meanwhile to others, and lets its money go when it is back', async () => {
    const shop = await openShop(holdfast);
    await shortenHolds(holdfast, shop, 5_000);
    await fault(holdfast, { ...STRIPE_CALLS.confirm, hold: 'confirm', holdAt: 'after' });
    const first = book(holdfast, shop);
    await untilHeld(holdfast, 'confirm');
    await holdfast.worker.stop('SIGKILL');
    expect(await isOffered(holdfast, first)).toBe(false);
    await until(
      () => isOffered(holdfast, first),
      (offered) => offered,
    );
    expect(await keptOf(holdfast, first.id)).toMatchObject({ authorizations: 1, captures: 0 });
    await liftFaults(holdfast);
    await release(holdfast, 'confirm');
    await holdfast.startWorker();
    shop.nextHour -= 1;
    const second = book(holdfast, shop);
    expect((await second.answer)?.status).toBe(201);
    const expected = { state: 'expired', keptMinor: 0 };
    const judged = await untilSettled(holdfast, [{ ...first, isShared: true, expected }, second]);
    expect(judged.map(({ state }) => state)).toEqual(['expired', 'confirmed']);
    const { body } = await holdfast.call('GET', `/bookings/${first.id}`);
    expect(body.payment.outcome).toBe('voided');
  });

  it('makes timers late, and nothing is confirmed past its hold or refused within it', async () => {
    const shop = await openShop(holdfast);
    await shortenHolds(holdfast, shop, 5_000);
    const ends = [3_000, 1_000, 500, 200, 0, -300, -900];
    const asked = Promise.all(ends.map((ms) => confirmedNearItsEnd(holdfast, shop, ms)));
    await sleep(4_200);
    process.kill(holdfast.worker.pid, 'SIGSTOP');
    await sleep(2_500);
    process.kill(holdfast.worker.pid, 'SIGCONT');
    expect((await asked).flatMap((told) => faultOf(told) ?? [])).toEqual([]);
  });
});

describe.each([
  ['ahead in the API and behind in the worker', 1],
  ['behind in the API and ahead in the worker', -1],
])('clocks that are off by a quarter of an hour, %s,', (_, sign) => {
  let holdfast: Holdfast;
  beforeAll(async () => {
    holdfast = await startHoldfast({
      NODE_OPTIONS: `--import=${PRELOAD}`,
      CLOCK_OFF_MS: `server=${sign * OFF_MS},worker=${-sign * OFF_MS}`,
    });
  });
  afterAll(() => holdfast.stop());

  it('are so in both processes', () => {
    expect(holdfast.api.log()).toContain(`"clockOffMs":${sign * OFF_MS}`);
    expect(holdfast.worker.log()).toContain(`"clockOffMs":${-sign * OFF_MS}`);
  });

  it('are not asked when a hold ends', async () => {
    const shop = await openShop(holdfast);
    const paid = book(holdfast, shop, { prefer: 'wait=10' });
    expect((await paid.answer)?.body).toMatchObject({ state: 'confirmed' });
    await shortenHolds(holdfast, shop, 4_000);
    const ends = [3_000, 1_000, 300, 0, -500];
    const told = await Promise.all(ends.map((ms) => confirmedNearItsEnd(holdfast, shop, ms)));
    // Nobody came: the hold ends by itself, and not before its time.
    const alone = book(holdfast, shop, { payment: { kind: 'external' } });
    expect((await alone.answer)?.status).toBe(201);
    const { body } = await until(
      () => holdfast.call('GET', `/bookings/${alone.id}`),
      ({ body: now }) => now.state === 'expired',
    );
    expect([...told, body as Told].flatMap((one) => faultOf(one) ?? [])).toEqual([]);
    await untilSettled(holdfast, [paid, { ...alone, expected: { state: 'expired' } }]);
  });

  it('are not asked how early and how late one may book', async () => {
    const settings = { noticeMs: HOUR_MS, windowMs: 24 * HOUR_MS };
    const resourceId = await addResource(holdfast, { capacity: 5, settings });
    const refusalAt = async (ms: number): Promise<string | null> => {
      const span = { startAt: inMs(ms), endAt: inMs(ms + HOUR_MS) };
      const body = { resourceId, ...span, payment: { kind: 'none' } };
      const answer = await holdfast.call('POST', '/bookings', body);
      return answer.status === 201 ? null : (answer.body as { refusal: string }).refusal;
    };
    expect(await refusalAt(HOUR_MS - 3 * MINUTE_MS)).toBe('too-soon');
    expect(await refusalAt(HOUR_MS + 3 * MINUTE_MS)).toBeNull();
    expect(await refusalAt(24 * HOUR_MS - 3 * MINUTE_MS)).toBeNull();
    expect(await refusalAt(24 * HOUR_MS + 3 * MINUTE_MS)).toBe('too-early');
    const query = `from=${inMs(0)}&to=${inMs(30 * HOUR_MS)}`;
    const { body } = await holdfast.call('GET', `/resources/${resourceId}/availability?${query}`);
    expect(Math.abs(Date.parse(body.asOf as string) - Date.now())).toBeLessThan(30_000);
  });

  it('are not asked what a cancellation costs, nor until when that holds', async () => {
    const cancellation = [{ beforeMs: HOUR_MS, feePercent: 20, feeMinor: 0 }];
    const shop = await openShop(holdfast, { settings: { cancellation } });
    const bookAt = async (ms: number) => {
      const { resourceId, accountId } = shop;
      const payment = { kind: 'method', paymentMethod: 'pm_card_visa', accountId };
      const span = { startAt: inMs(ms), endAt: inMs(ms + MINUTE_MS) };
      const key = { 'idempotency-key': randomUUID(), prefer: 'wait=10' };
      const { body } = await holdfast.call(
        'POST',
        '/bookings',
        { resourceId, ...span, payment },
        key,
      );
      expect(body.state).toBe('confirmed');
      return body.id as string;
    };
    const quote = async (id: string) =>
      (await holdfast.call('POST', `/bookings/${id}/cancellation-quotes`, {})).body;
    const late = await bookAt(HOUR_MS - 3 * MINUTE_MS);
    expect(await quote(late)).toMatchObject({ keepMinor: PRICE_MINOR, refundMinor: 0 });
    const early = await bookAt(HOUR_MS + 5 * MINUTE_MS);
    const said = await quote(early);
    expect(said).toMatchObject({ keepMinor: PRICE_MINOR / 5 });
    // Until the tier changes, by the database's clock.
    const validMs = Date.parse(said.validUntil as string) - Date.now();
    expect(validMs).toBeGreaterThan(4 * MINUTE_MS);
    expect(validMs).toBeLessThanOrEqual(5 * MINUTE_MS);
    const cancel = (quoteId: string) =>
      holdfast.call('POST', `/bookings/${early}/cancel`, { quoteId });
    await holdfast.database.pool.query(
      `UPDATE quote SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`,
      [said.id],
    );
    expect((await cancel(said.id as string)).body.type).toBe('/problems/quote-over');
    const again = await quote(early);
    expect((await cancel(again.id as string)).body.state).toBe('cancelled');
    await until(
      () => keptOf(holdfast, early),
      ({ keptMinor }) => keptMinor === PRICE_MINOR / 5,
    );
  });
});
