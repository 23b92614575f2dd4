import { stepKey } from '../../src/domain/booking.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { ChangeRef } from '../../src/commands.ts';
import type { PaymentState } from '../../src/payments/payment-provider.ts';
import { storeIntent } from '../../src/store/balances.ts';
import { loadMoney, type PaymentRow } from '../../src/store/money.ts';
import { recordPayment } from '../../src/store/payments.ts';
import {
  changeDraftPlace,
  disownDifference,
  fenceDifference,
  loadDifference,
  switchChange,
  takeForChange,
  undoChange,
  type DifferenceCase,
} from '../../src/store/reschedules.ts';
import type { AuthorizeResult } from '../contracts/booking.ts';
import type { DifferenceActivities, RescheduleLedgerActivities } from '../contracts/reschedule.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { insisting } from './insisting.ts';
import { openPaymentAccess } from './payment-access.ts';

/** The ledger's side of a reschedule: one database transaction each, run as local activities. */
export function rescheduleLedger(deps: ActivityDependencies): RescheduleLedgerActivities {
  const { pool } = deps.database;
  return {
    takeTime: (input) => takeForChange(pool, input),
    async switchTime(input) {
      const switched = await switchChange(pool, input);
      if (switched.kind !== 'switched') return switched;
      const { connections, ...answer } = switched;
      // Not waited for: the mirror rows are durable, and a sweeper tells what nobody was told.
      for (const connectionId of connections)
        deps.commands
          .requestMirror({ tenantId: input.tenantId, connectionId })
          .catch(() => deps.log('warn', 'a mirror waits for the sweeper', { connectionId }));
      return answer;
    },
    async letTimeGo(input) {
      const { kind } = await undoChange(pool, input);
      return kind === 'undone' ? 'undone' : 'already-final';
    },
    disownDifference: (input) => disownDifference(pool, input),
  };
}

/** The difference's payment. Every act may be repeated after a lost answer: its key is ours. */
export const differences = (deps: ActivityDependencies): DifferenceActivities => ({
  authorizeDifference: (ref) => authorizeDifference(deps, ref),
  readDifference: (ref) => readDifference(deps, ref),
  voidDifference: (ref) => insisting(() => voidDifference(deps, ref)),
});

async function authorizeDifference(
  deps: ActivityDependencies,
  ref: ChangeRef,
): Promise<AuthorizeResult> {
  const { pool } = deps.database;
  const { asked, payment } = await load(deps, ref);
  const created = await intentOf(deps, ref, { asked, payment });
  if (created === null) return { kind: 'ended' };
  let state = created;
  if (state.status === 'needs-method' && asked.payment.kind !== 'browser') {
    try {
      state = await confirm(deps, ref, { asked, payment, state });
    } catch (error) {
      if (error instanceof Failure && error.kind === 'declined')
        return { kind: 'declined', code: error.code };
      throw error;
    }
  }
  await recordPayment(pool, { ...ref, state });
  return resultOf(state, asked);
}

async function readDifference(
  deps: ActivityDependencies,
  ref: ChangeRef,
): Promise<AuthorizeResult> {
  const { asked, payment } = await load(deps, ref);
  if (payment.intentId === null) return { kind: 'ended' };
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const state = await deps.payments.read({ access, intentId: payment.intentId });
  await recordPayment(deps.database.pool, { ...ref, state });
  return resultOf(state, asked);
}

function resultOf(state: PaymentState, { payment }: DifferenceCase): AuthorizeResult {
  const waits = payment.kind === 'browser';
  switch (state.status) {
    case 'authorized':
    case 'captured':
      return { kind: 'authorized' };
    case 'needs-action':
      // Nobody is at a browser: the method was given, or kept.
      return waits ? { kind: 'waiting' } : { kind: 'declined', code: 'authentication_required' };
    case 'needs-method':
      return waits
        ? { kind: 'waiting' }
        : { kind: 'declined', code: state.declineCode ?? 'no-payment-method' };
    case 'processing':
      return { kind: 'waiting' };
    case 'cancelled':
      return { kind: 'ended' };
  }
}

interface Paying {
  asked: DifferenceCase;
  payment: PaymentRow;
}

async function load(deps: ActivityDependencies, ref: ChangeRef): Promise<Paying> {
  const asked = await loadDifference(deps.database.pool, ref);
  const money = await loadMoney(deps.database.pool, ref);
  const payment = money?.payments.find(({ n }) => n === asked?.n);
  if (!asked || !payment) throw new Failure({ kind: 'not-found', code: 'no-such-payment' });
  return { asked, payment };
}

/** Created, and stored before anything can move. Null when the change was given up before. */
async function intentOf(
  deps: ActivityDependencies,
  { tenantId, bookingId }: ChangeRef,
  { asked, payment }: Paying,
): Promise<PaymentState | null> {
  const { payments, vault, database } = deps;
  const { intentId, n, amountMinor, currency, customerId } = payment;
  if (payment.fenced) return null;
  const access = openPaymentAccess(deps, tenantId, payment);
  if (intentId !== null) return payments.read({ access, intentId });
  const state = await payments.create({
    access,
    key: stepKey(bookingId, 'difference-create', n),
    amountMinor,
    currency,
    customerId: asked.payment.kind === 'kept' ? customerId : null,
    keepMethod: false,
    tenantId,
    bookingId,
  });
  const place = [tenantId, 'payment.client_secret', `${bookingId}:${n}`] as const;
  const wanted = await storeIntent(database.pool, {
    tenantId,
    bookingId,
    n,
    intentId: state.intentId,
    sealedClientSecret: state.clientSecret ? vault.seal(place, state.clientSecret) : null,
  });
  if (wanted) return state;
  await payments.cancel({
    access,
    key: stepKey(bookingId, 'difference-void', n),
    intentId: state.intentId,
  });
  return null;
}

function confirm(
  deps: ActivityDependencies,
  ref: ChangeRef,
  { asked, payment, state }: Paying & { state: PaymentState },
): Promise<PaymentState> {
  const { payments, vault } = deps;
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const act = {
    access,
    key: stepKey(ref.bookingId, 'difference-authorize', payment.n),
    intentId: state.intentId,
  };
  if (asked.payment.kind === 'kept')
    return payments.chargeAbsent({ ...act, methodId: payment.methodId! });
  if (!asked.sealedMethod) throw new Failure({ kind: 'invalid', code: 'no-payment-method' });
  const paymentMethod = vault.open(changeDraftPlace(ref), asked.sealedMethod);
  return payments.confirm({ ...act, paymentMethod, returnUrl: null });
}

/** Fenced first, so that no late attempt can authorize, then ended whatever state it is in. */
async function voidDifference(
  deps: ActivityDependencies,
  ref: ChangeRef,
): Promise<'undone' | 'already-final'> {
  const { payments, database } = deps;
  const fenced = await fenceDifference(database.pool, ref);
  if (fenced.kind === 'switched') return 'already-final';
  if (fenced.n === null) return 'undone';
  const { payment } = await load(deps, ref);
  const { intentId } = payment;
  if (intentId === null) return 'undone';
  const access = openPaymentAccess(deps, ref.tenantId, payment);
  const state = await payments.read({ access, intentId });
  if (state.status === 'processing')
    throw new Failure({ kind: 'unavailable', code: 'payment-processing' });
  const key = stepKey(ref.bookingId, 'difference-void', fenced.n);
  const after =
    state.status === 'cancelled' ? state : await payments.cancel({ access, key, intentId });
  await recordPayment(database.pool, { ...ref, state: after });
  return 'undone';
}
