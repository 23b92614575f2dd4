import { expect } from 'vitest';
import { until, type Answer, type Holdfast } from './holdfast.ts';
import { fault, STRIPE_CALLS } from './outside.ts';
import type { BrowserAccount } from './payer.ts';
import { book, cancel, openShop, PRICE_MINOR, type Asked, type Shop } from './shop.ts';

/** What the payment service's own record says of a booking, over all its payments. */
export interface Kept {
  keptMinor: number;
  /** Authorized, and neither taken nor let go. */
  openMinor: number;
  captures: number;
  refunds: number;
  authorizations: number;
}

interface Line {
  authorizedMinor: number;
  capturedMinor: number;
  releasedMinor: number;
  refundedMinor: number;
  authorizations: number;
  captures: number;
  refunds: number;
}

export async function keptOf(holdfast: Holdfast, bookingId: string): Promise<Kept> {
  const { intents } = await holdfast.control<{ intents: Line[] }>(
    'GET',
    `/stripe/ledger?metadata[booking_id]=${bookingId}`,
  );
  const sum = (of: (line: Line) => number) => intents.reduce((total, line) => total + of(line), 0);
  return {
    keptMinor: sum((line) => line.capturedMinor - line.refundedMinor),
    openMinor: sum((line) => line.authorizedMinor - line.capturedMinor - line.releasedMinor),
    captures: sum((line) => line.captures),
    refunds: sum((line) => line.refunds),
    authorizations: sum((line) => line.authorizations),
  };
}

/** Until captured − refunded = owed by the service's record, with nothing left open. */
export async function untilEven(
  holdfast: Holdfast,
  bookingId: string,
  owedMinor: number,
): Promise<Kept> {
  const look = async () => {
    const { body } = await holdfast.call('GET', `/bookings/${bookingId}`);
    return { kept: await keptOf(holdfast, bookingId), owed: body.owedMinor as number };
  };
  const { kept, owed } = await until(
    look,
    (now) => now.kept.keptMinor === owedMinor && now.kept.openMinor === 0 && now.owed === owedMinor,
  );
  expect(owed).toBe(owedMinor);
  return kept;
}

export const DEPOSIT_MINOR = PRICE_MINOR / 4;

/** A quarter now, the rest a day before the start. */
export const depositShop = (
  holdfast: Holdfast,
  account: BrowserAccount,
  own: { onUnpaid?: 'cancel' | 'keep'; settings?: Record<string, unknown> } = {},
): Promise<Shop> =>
  openShop(holdfast, {
    accountId: account.id,
    settings: {
      deposit: {
        percent: 25,
        balanceDueMs: 86_400_000,
        onUnpaid: own.onUnpaid ?? 'cancel',
        graceMs: 3 * 86_400_000,
      },
      ...own.settings,
    },
  });

/** Confirmed, with its deposit taken. */
export async function deposited(
  holdfast: Holdfast,
  shop: Shop,
  card = 'pm_card_visa',
): Promise<Asked> {
  const asked = book(holdfast, shop, { card, prefer: 'wait=10' });
  const answer = await asked.answer;
  if (answer?.body.state !== 'confirmed')
    throw new Error(`not confirmed: ${JSON.stringify(answer?.body)}`);
  await untilEven(holdfast, asked.id, DEPOSIT_MINOR);
  return asked;
}

/** As if the day had come that the booking's waiting change is due. */
export const dayComes = (holdfast: Holdfast, bookingId: string) =>
  holdfast.database.pool.query(
    `UPDATE booking_change SET due_at = now(), progress = progress - 'tryAt'
      WHERE booking_id = $1 AND state = 'due'`,
    [bookingId],
  );

/** As if the payer's time were over. */
export const graceEnds = (holdfast: Holdfast, bookingId: string) =>
  holdfast.database.pool.query(
    `UPDATE booking_change SET due_at = now(),
       progress = progress || jsonb_build_object('graceUntil', now() - interval '1 second')
      WHERE booking_id = $1 AND state = 'due'`,
    [bookingId],
  );

export interface Due {
  kind: string;
  amountMinor: number;
  payUntilAt: string | null;
  paymentLink: string | null;
}

/** What the API says is still to be collected, once it is so. */
export async function untilDue(
  holdfast: Holdfast,
  bookingId: string,
  passes: (due: Due | undefined) => boolean,
): Promise<Due | undefined> {
  const { body } = await until(
    () => holdfast.call('GET', `/bookings/${bookingId}/payments`),
    (answer) => passes((answer.body.due as Due[])[0]),
  );
  return (body.due as Due[])[0];
}

/** The next charges of this booking without its payer are declined so. */
export const declineNext = (
  holdfast: Holdfast,
  bookingId: string,
  decline: string,
  times = 1,
): Promise<unknown> =>
  holdfast.control('POST', '/stripe/executions', {
    method: 'POST',
    path: '/confirm$',
    bookingId,
    decline,
    times,
  });

/** The bank refuses to let authorizations be taken, until faults are lifted. */
export const refuseCaptures = (holdfast: Holdfast) =>
  fault(holdfast, {
    ...STRIPE_CALLS.capture,
    stored: true,
    status: 402,
    body: { error: { type: 'card_error', code: 'card_declined', decline_code: 'do_not_honor' } },
    times: 99,
  });

/** Cancels once no other change is under way. */
export const calledOff = (holdfast: Holdfast, bookingId: string): Promise<Answer> =>
  until(
    () => cancel(holdfast, bookingId),
    ({ status }) => status === 200,
  );
