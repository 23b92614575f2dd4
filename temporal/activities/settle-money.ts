import type { BookingRef } from '../../src/commands.ts';
import { stepKey } from '../../src/domain/booking.ts';
import { Failure } from '../../src/domain/failure.ts';
import { allocateRefund } from '../../src/domain/refund.ts';
import type { PaymentAccess, PaymentState } from '../../src/payments/payment-provider.ts';
import { loadMoney, type Money, type PaymentRow } from '../../src/store/money.ts';
import { recordPayment } from '../../src/store/payments.ts';
import {
  askRefund,
  countsAsGivenBack,
  disownFee,
  recordRefunds,
  withdrawRefund,
  type RefundRow,
} from '../../src/store/refunds.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { openPaymentAccess } from './payment-access.ts';

type Deps = Pick<ActivityDependencies, 'database' | 'payments' | 'vault'>;

/**
 * Gives back until captured − refunded = owed, over all of a booking's payments; what is only
 * authorized is let go where the booking ended or the payment was fenced, save what is kept of it.
 * Safe to repeat, to run twice at once, and after any answer was lost: the service is read first, each
 * refund is a row before its act, and a state that moves between look and act fails the act, so that
 * the next attempt looks again. `reason`: machine reason of the refunds' rows.
 */
export async function giveBackExcess(
  deps: Deps,
  ref: BookingRef,
  reason = 'not-owed',
): Promise<void> {
  const before = await look(deps, ref);
  if (before.payments.some(({ byHand }) => byHand)) return;
  for (const payment of before.payments) await letGo(deps, ref, { money: before, payment });
  for (;;) {
    const money = await load(deps, ref);
    const asked = money.refunds.find(
      ({ status, n }) => status === 'asked' && intentOf(money, n) !== null,
    );
    if (asked) {
      await carryOut(deps, ref, { money, asked });
      continue;
    }
    const [share] = allocateRefund(money.payments.map(heldBy(money)), excessOf(money));
    if (!share && isCaptureUnderWay(money))
      throw new Failure({ kind: 'unavailable', code: 'capture-under-way' });
    if (!share) return isFeeLost(money) ? disownFee(deps.database.pool, ref) : undefined;
    const { tenantId, bookingId } = ref;
    const counted = money.refunds.length;
    await askRefund(deps.database.pool, { tenantId, bookingId, ...share, reason, counted });
  }
}

const sum = (amounts: readonly number[]): number => amounts.reduce((a, b) => a + b, 0);

const heldBy =
  ({ refunds }: Money) =>
  ({ n, capturedMinor }: PaymentRow) => {
    const back = refunds.filter((one) => one.n === n && countsAsGivenBack(one));
    return { n, heldMinor: capturedMinor - sum(back.map(({ amountMinor }) => amountMinor)) };
  };

/** What is held above what is owed; negative where more is still to be taken. */
export const excessOf = (money: Money): number =>
  sum(money.payments.map(heldBy(money)).map(({ heldMinor }) => heldMinor)) - money.owedMinor;

/** It may take more than is owed since the price was lowered: what goes back is known after it. */
const isCaptureUnderWay = (money: Money): boolean => {
  const first = money.payments.find(({ n }) => n === 1);
  if (money.state !== 'confirmed' || first?.status !== 'authorized' || first.fenced) return false;
  return excessOf(money) + first.amountMinor > 0;
};

/** Of what a cancelled booking was to keep, nothing is left that it could be taken from. */
const isFeeLost = (money: Money): boolean =>
  money.state === 'cancelled' &&
  excessOf(money) < 0 &&
  money.payments.every(({ intentId, status }) => intentId === null || isOver(status));

const isOver = (status: PaymentRow['status']): boolean =>
  status === 'captured' || status === 'cancelled';

const intentOf = ({ payments }: Money, n: number): string | null =>
  payments.find((payment) => payment.n === n)?.intentId ?? null;

async function load({ database }: Deps, ref: BookingRef): Promise<Money> {
  const money = await loadMoney(database.pool, ref);
  if (!money) throw new Failure({ kind: 'not-found', code: 'no-such-booking' });
  return money;
}

/** Asks the service about each payment that is not over, and takes down what it says. */
async function look(deps: Deps, ref: BookingRef): Promise<Money> {
  const { payments, refunds } = await load(deps, ref);
  for (const payment of payments) {
    const { intentId, n, status, byHand, newsAt } = payment;
    if (intentId === null || status === 'cancelled' || byHand) continue;
    const access = openPaymentAccess(deps, ref.tenantId, payment);
    const state = await deps.payments.read({ access, intentId });
    await recordPayment(deps.database.pool, { ...ref, state, newsAt });
    if (state.refundedMinor > 0 || refunds.some((refund) => refund.n === n))
      await listRefunds(deps, ref, payment);
  }
  return load(deps, ref);
}

async function listRefunds(deps: Deps, ref: BookingRef, payment: PaymentRow): Promise<void> {
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const { n, intentId } = payment;
  const refunds = await deps.payments.refunds({ access, intentId: intentId! });
  await recordRefunds(deps.database.pool, { ...ref, n, refunds });
}

/** Ends a payment that nothing was taken by, unless the booking goes on and it is wanted. */
async function letGo(
  deps: Deps,
  ref: BookingRef,
  { money, payment }: { money: Money; payment: PaymentRow },
): Promise<void> {
  const { n, intentId, status, fenced } = payment;
  const goesOn = ['held', 'paying', 'confirmed'].includes(money.state) && !fenced;
  if (intentId === null || goesOn || status === 'captured' || status === 'cancelled') return;
  if (status === 'processing')
    throw new Failure({ kind: 'unavailable', code: 'payment-processing' });
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const now = await load(deps, ref);
  const keepMinor = fenced ? 0 : Math.min(-excessOf(now), payment.amountMinor);
  const act = { access, intentId };
  const state =
    (status === 'authorized' && keepMinor > 0
      ? await takeKept(deps, act, { key: stepKey(ref.bookingId, 'capture-kept', n), keepMinor })
      : null) ?? (await deps.payments.cancel({ ...act, key: stepKey(ref.bookingId, 'void', n) }));
  await recordPayment(deps.database.pool, { ...ref, state });
}

/** Null when the network refuses it for good, although the service may still show it as there. */
async function takeKept(
  { payments }: Deps,
  act: { access: PaymentAccess; intentId: string },
  { key, keepMinor }: { key: string; keepMinor: number },
): Promise<PaymentState | null> {
  try {
    return await payments.capture({ ...act, key, amountMinor: keepMinor });
  } catch (error) {
    if (!(error instanceof Failure) || !isGone(error)) throw error;
    const state = await payments.read(act);
    return isOver(state.status) ? state : null;
  }
}

/** An authorization that the network let go of, or a capture that it declines. */
export const isGone = ({ kind, code }: Failure): boolean =>
  kind === 'declined' || LAPSED.includes(code);

const LAPSED = ['charge_expired_for_capture', 'capture_charge_authorization_expired'];

/** Asks for a refund under its row's key, however often. */
async function carryOut(
  deps: Deps,
  ref: BookingRef,
  { money, asked }: { money: Money; asked: RefundRow },
): Promise<void> {
  const payment = money.payments.find(({ n }) => n === asked.n)!;
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const { key, amountMinor, n } = asked;
  const { pool } = deps.database;
  try {
    const intentId = payment.intentId!;
    const made = await deps.payments.refund({ access, key, intentId, amountMinor });
    await recordRefunds(pool, { ...ref, n, refunds: [{ ...made, key }] });
  } catch (error) {
    if (!(error instanceof Failure) || !['conflict', 'invalid'].includes(error.kind)) throw error;
    // Perhaps somebody gave it back at the service meanwhile.
    await listRefunds(deps, ref, payment);
    const now = await load(deps, ref);
    const others = now.refunds.filter(
      (one) => one.n === n && one.key !== key && one.status !== 'failed',
    );
    const leftMinor = payment.capturedMinor - sum(others.map((one) => one.amountMinor));
    if (leftMinor >= amountMinor) throw error;
    await withdrawRefund(pool, { ...ref, key });
  }
}
