import { randomUUID } from 'node:crypto';
import { bookingIdOf } from '../../src/api/identity.ts';
import type { Suspect } from './checker.ts';
import type { Answer, Holdfast } from './holdfast.ts';
import { addPaymentAccount, addResource, at, connectGoogle } from './scene.ts';

/** Something for sale at a price, for one guest at a time, perhaps shown in a Google calendar. */
export interface Shop {
  resourceId: string;
  accountId: string;
  calendarId: string | null;
  connectionId: string | null;
  /** The span of the next booking: no two of a shop's bookings are rivals. */
  nextHour: number;
}

export const PRICE_MINOR = 12_000;

export async function openShop(
  holdfast: Holdfast,
  options: { accountId?: string; calendar?: boolean; settings?: Record<string, unknown> } = {},
): Promise<Shop> {
  const accountId = options.accountId ?? (await addPaymentAccount(holdfast));
  const price = { per: 'booking', amountMinor: PRICE_MINOR, currency: 'eur' };
  const resourceId = await addResource(holdfast, { settings: { price, ...options.settings } });
  const scene = options.calendar ? await connectGoogle(holdfast, { resourceId }) : null;
  return {
    resourceId,
    accountId,
    calendarId: scene?.calendarId ?? null,
    connectionId: scene?.connectionId ?? null,
    nextHour: 0,
  };
}

/** Holds shorter than the API allows, for tests of what happens when they end. */
export async function shortenHolds(
  { database }: Holdfast,
  { resourceId }: Shop,
  holdTtlMs: number,
): Promise<void> {
  await database.pool.query(
    `UPDATE resource SET settings = settings || jsonb_build_object('holdTtlMs', $2::int) WHERE id = $1`,
    [resourceId, holdTtlMs],
  );
}

export interface Asked extends Suspect {
  key: string;
  /** Never rejects; null when no answer came. */
  answer: Promise<Answer | null>;
  /** Asks again under the same key. */
  again: () => Promise<Answer>;
}

/** Asks for a booking and does not wait for the answer. */
export function book(
  holdfast: Holdfast,
  shop: Shop,
  options: {
    card?: string;
    payment?: Record<string, unknown>;
    guest?: Record<string, unknown>;
    prefer?: string;
  } = {},
): Asked {
  const hour = shop.nextHour++;
  const key = randomUUID();
  const startAt = at(2 + Math.floor(hour / 24), hour % 24);
  const endAt = new Date(Date.parse(startAt) + 3_600_000).toISOString();
  const { card = 'pm_card_visa', prefer, guest } = options;
  const payment = options.payment ?? {
    kind: 'method',
    paymentMethod: card,
    accountId: shop.accountId,
  };
  const again = () =>
    holdfast.call(
      'POST',
      '/bookings',
      { resourceId: shop.resourceId, startAt, endAt, payment, ...(guest && { guest }) },
      { 'idempotency-key': key, ...(prefer && { prefer }) },
    );
  return {
    id: bookingIdOf(holdfast.tenantId, key),
    resourceId: shop.resourceId,
    calendarId: shop.calendarId,
    startAt,
    endAt,
    key,
    answer: again().catch(() => null),
    again,
  };
}

/** A booking that stands and is paid. */
export async function booked(holdfast: Holdfast, shop: Shop): Promise<Asked> {
  const asked = book(holdfast, shop, { prefer: 'wait=10' });
  const answer = await asked.answer;
  if (answer?.body.state !== 'confirmed')
    throw new Error(`not confirmed: ${JSON.stringify(answer?.body)}`);
  return asked;
}

export const cancel = (holdfast: Holdfast, bookingId: string): Promise<Answer> =>
  holdfast.call('POST', `/bookings/${bookingId}/cancel`, {});
