import { stepKey } from '../../src/domain/booking.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { PaymentState } from '../../src/payments/payment-provider.ts';
import {
  disownPayment,
  loadCollecting,
  openPayment,
  owePayment,
  postponeChange,
  storeIntent,
  type Collecting,
} from '../../src/store/balances.ts';
import { loadMoney, type Money, type PaymentRow } from '../../src/store/money.ts';
import { recordPayment } from '../../src/store/payments.ts';
import { grantRefund, refundsByHand } from '../../src/store/refunds.ts';
import type {
  ChargedDue,
  CollectingActivities,
  CollectingLedgerActivities,
  TakenDue,
} from '../contracts/collecting.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { insisting } from './insisting.ts';
import { openPaymentAccess } from './payment-access.ts';
import { excessOf, giveBackExcess, isGone } from './settle-money.ts';

/** Money that is collected after the booking is confirmed. Every act may be repeated: keys are ours. */
export const collecting = (deps: ActivityDependencies): CollectingActivities => ({
  chargeDue: (input) => insisting(() => chargeDue(deps, input)),
  takeDue: (input) => insisting(() => takeDue(deps, input)),
  giveBack: ({ reason, ...ref }) => insisting(() => giveBackExcess(deps, ref, reason)),
});

export function collectingLedger({
  database: { pool },
}: ActivityDependencies): CollectingLedgerActivities {
  return {
    owePayment: (input) => owePayment(pool, input),
    disownPayment: (input) => disownPayment(pool, input),
    postponeChange: (input) => postponeChange(pool, input),
    async lapsing(ref) {
      const found = await loadCollecting(pool, ref);
      return { replaces: found?.replaces ?? null, lapse: found?.lapse ?? 'capture' };
    },
    grantRefund: (input) => grantRefund(pool, input),
    refundedByHand: (input) => refundsByHand(pool, input),
  };
}

type Input<K extends keyof CollectingActivities> = Parameters<CollectingActivities[K]>[0];

/**
 * The intent is stored before anything can move, and made so that its payer may confirm it at a
 * browser when the kept method does not do. A try that was declined is over: the next one has a key
 * of its own.
 */
async function chargeDue(
  deps: ActivityDependencies,
  input: Input<'chargeDue'>,
): Promise<ChargedDue> {
  const { pool } = deps.database;
  const { tenantId, bookingId, changeId } = input;
  const ref = { tenantId, bookingId };
  const before = await loadCollecting(pool, { ...ref, changeId });
  if (before?.replaces) await lookAt(deps, ref, before.replaces);
  const opened = await openPayment(pool, input);
  if (opened.kind !== 'open') return opened;
  const { n } = opened;
  // What was begun at another price is not left open beside it.
  if ((await moneyOf(deps, ref)).payments.some(isLeftOpen)) await giveBackExcess(deps, ref);
  const goesBy = await loadCollecting(pool, { ...ref, changeId });
  const payment = (await moneyOf(deps, ref)).payments.find((one) => one.n === n);
  if (!payment || !goesBy) throw new Failure({ kind: 'not-found', code: 'no-such-payment' });
  const state = await intentOf(deps, ref, payment);
  if (state === null) return { kind: 'called-off' };
  let code = codeOf(state);
  let now = state;
  const isTime = goesBy.phase === 'charge' && goesBy.tryInMs === 0;
  if (state.status === 'needs-method' && isTime) {
    const charged = await charge(deps, ref, { payment, state, attempt: goesBy.attempt });
    if (typeof charged === 'string') code = charged;
    else now = charged;
  }
  await recordPayment(pool, { ...ref, state: now, newsAt: payment.newsAt });
  if (now.status === 'authorized' || now.status === 'captured') return { kind: 'authorized', n };
  if (now.status === 'cancelled')
    // Ended at the service by somebody else, or by time: another payment takes its place.
    throw new Failure({ kind: 'unavailable', code: 'payment-ended' });
  return {
    kind: 'unpaid',
    n,
    ...whatCounts(goesBy),
    code: now === state ? code : codeOf(now),
    isArriving: now.status === 'processing',
  };
}

const isLeftOpen = ({ fenced, byHand, intentId, status }: PaymentRow): boolean =>
  fenced && !byHand && intentId !== null && status !== 'captured' && status !== 'cancelled';

/** What was taken by a payment counts before another is opened in its place. */
async function lookAt(
  deps: ActivityDependencies,
  ref: { tenantId: string; bookingId: string },
  n: number,
): Promise<void> {
  const payment = (await moneyOf(deps, ref)).payments.find((one) => one.n === n);
  if (!payment?.intentId) return;
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const state = await deps.payments.read({ access, intentId: payment.intentId });
  await recordPayment(deps.database.pool, { ...ref, state });
}

function whatCounts(goesBy: Collecting): Omit<Collecting, 'lapse'> {
  const { lapse, ...counts } = goesBy;
  void lapse;
  return counts;
}

const codeOf = ({ status, declineCode }: PaymentState): string =>
  status === 'needs-method' ? (declineCode ?? 'no-payment-method') : 'under-way';

async function moneyOf(
  { database }: ActivityDependencies,
  ref: { tenantId: string; bookingId: string },
): Promise<Money> {
  const money = await loadMoney(database.pool, ref);
  if (!money) throw new Failure({ kind: 'not-found', code: 'no-such-booking' });
  return money;
}

/** Null when the booking was called off before the intent was stored. */
async function intentOf(
  deps: ActivityDependencies,
  ref: { tenantId: string; bookingId: string },
  payment: PaymentRow,
): Promise<PaymentState | null> {
  const { payments, vault, database } = deps;
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const { intentId, n, purpose, amountMinor, currency, customerId } = payment;
  if (intentId !== null) return payments.read({ access, intentId });
  const state = await payments.create({
    access,
    key: stepKey(ref.bookingId, `${purpose}-create`, n),
    amountMinor,
    currency,
    customerId,
    keepMethod: false,
    ...ref,
  });
  const place = [ref.tenantId, 'payment.client_secret', `${ref.bookingId}:${n}`] as const;
  const wanted = await storeIntent(database.pool, {
    ...ref,
    n,
    intentId: state.intentId,
    sealedClientSecret: state.clientSecret ? vault.seal(place, state.clientSecret) : null,
  });
  // At worst an intent is left that nobody can confirm.
  if (!wanted) await giveBackExcess(deps, ref);
  return wanted ? state : null;
}

/** The state after it, or the code of a decline. What the kept method cannot do is one too. */
async function charge(
  deps: ActivityDependencies,
  ref: { tenantId: string; bookingId: string },
  input: { payment: PaymentRow; state: PaymentState; attempt: number },
): Promise<PaymentState | string> {
  const { payment, state, attempt } = input;
  const { n, purpose, methodId, customerId } = payment;
  if (methodId === null || customerId === null) return 'no-payment-method';
  try {
    return await deps.payments.chargeAbsent({
      access: openPaymentAccess(deps, ref.tenantId, payment),
      key: stepKey(ref.bookingId, `${purpose}-authorize-${n}`, attempt + 1),
      intentId: state.intentId,
      methodId,
    });
  } catch (error) {
    const isOver =
      error instanceof Failure && ['declined', 'invalid', 'not-found'].includes(error.kind);
    if (isOver) return error.code;
    throw error;
  }
}

/** Retried forward. The rows are asked first: what is owed no more is not taken. */
async function takeDue(deps: ActivityDependencies, input: Input<'takeDue'>): Promise<TakenDue> {
  const { n, ...ref } = input;
  const money = await moneyOf(deps, ref);
  const payment = money.payments.find((one) => one.n === n);
  if (!payment?.intentId) return { kind: 'lapsed' };
  if (payment.status === 'captured') return { kind: 'captured' };
  if (payment.fenced || money.state !== 'confirmed' || excessOf(money) >= 0)
    return { kind: 'not-needed' };
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const { intentId, amountMinor, purpose } = payment;
  const key = stepKey(ref.bookingId, n === 1 ? 'capture' : `${purpose}-capture`, n);
  try {
    const state = await deps.payments.capture({ access, key, intentId, amountMinor });
    await recordPayment(deps.database.pool, { ...ref, state });
    return { kind: 'captured' };
  } catch (error) {
    if (!(error instanceof Failure) || !['declined', 'conflict'].includes(error.kind)) throw error;
    const state = await deps.payments.read({ access, intentId });
    await recordPayment(deps.database.pool, { ...ref, state });
    if (state.status === 'captured') return { kind: 'captured' };
    // What would be collected anew, and refused again for ever, is a person's to look at.
    const isAgain = error.kind === 'declined' && (purpose === 'balance' || purpose === 'renewal');
    // The network may have let it go, although the service still shows it.
    if (state.status !== 'cancelled' && (isAgain || !isGone(error))) throw error;
    return { kind: 'lapsed' };
  }
}
