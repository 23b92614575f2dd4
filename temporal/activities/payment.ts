import { stepKey } from '../../src/domain/booking.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { PaymentAccess, PaymentState } from '../../src/payments/payment-provider.ts';
import { collectAnew } from '../../src/store/balances.ts';
import {
  fencePayment,
  loadPaymentCase,
  recordIntent,
  recordPayment,
  recordReturned,
  type PaymentCase,
} from '../../src/store/payments.ts';
import type {
  AuthorizeResult,
  BookingPaymentActivities,
  CaptureResult,
  PaymentRef,
  VoidResult,
} from '../contracts/booking.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { insisting } from './insisting.ts';
import { openPaymentAccess } from './payment-access.ts';
import { giveBackExcess } from './settle-money.ts';

/** The payment side of a booking. Every act may be repeated after a lost answer: its key is ours. */
export const bookingPayments = (deps: ActivityDependencies): BookingPaymentActivities => ({
  openPayment: (ref) => openPayment(deps, ref),
  authorizePayment: (ref) => authorizePayment(deps, ref),
  readPayment: (ref) => readPayment(deps, ref),
  voidPayment: (ref) => insisting(() => voidPayment(deps, ref)),
  capturePayment: (ref) => insisting(() => capturePayment(deps, ref)),
  returnPayment: (ref) => insisting(() => giveBackExcess(deps, ref)),
});

async function openPayment(deps: ActivityDependencies, ref: PaymentRef): Promise<AuthorizeResult> {
  const found = await load(deps, ref);
  const { state, wanted } = await intentFor(deps, ref, found);
  return wanted ? resultOf(state, true) : letGo(deps, ref);
}

/**
 * Creates the intent (nothing moves), stores its id, then authorizes. Between the two the row says
 * whether the booking still wants it, so a late attempt cannot charge for a hold that ended.
 */
async function authorizePayment(
  deps: ActivityDependencies,
  { payerPresent, ...ref }: PaymentRef & { payerPresent: boolean },
): Promise<AuthorizeResult> {
  const { payments, database } = deps;
  const found = await load(deps, ref);
  const intent = await intentFor(deps, ref, found);
  if (!intent.wanted) return letGo(deps, ref);
  let { state } = intent;
  // Without a draft the method was tried before, and a payer who is there may give another.
  if (state.status === 'needs-method' && !(payerPresent && found.sealedDraft === null)) {
    try {
      state = await payments.confirm({
        access: open(ref, found, deps),
        key: stepKey(ref.bookingId, 'authorize', 1),
        intentId: state.intentId,
        paymentMethod: methodOf(deps, ref, found),
        returnUrl: null,
      });
    } catch (error) {
      if (error instanceof Failure && error.kind === 'declined')
        return { kind: 'declined', code: error.code };
      throw error;
    }
  }
  await recordPayment(database.pool, { ...ref, state });
  return resultOf(state, payerPresent);
}

/** The service's word on the payment: whatever was reported, this alone is believed. */
async function readPayment(
  deps: ActivityDependencies,
  { payerPresent, ...ref }: PaymentRef & { payerPresent: boolean },
): Promise<AuthorizeResult> {
  const { payments, database } = deps;
  const found = await load(deps, ref);
  if (found.intentId === null || !['held', 'paying', 'confirmed'].includes(found.state))
    return { kind: 'ended' };
  const { intentId, newsAt } = found;
  const state = await payments.read({ access: open(ref, found, deps), intentId });
  await recordPayment(database.pool, { ...ref, state, newsAt });
  return resultOf(state, payerPresent);
}

/** The booking's intent, stored; an id that is known is read, so no answer can be lost for good. */
async function intentFor(
  { payments, database, vault }: ActivityDependencies,
  ref: PaymentRef,
  found: PaymentCase,
): Promise<{ state: PaymentState; wanted: boolean }> {
  const { tenantId, bookingId } = ref;
  const access = openPaymentAccess({ vault }, tenantId, found);
  const { intentId } = found;
  let { customerId } = found;
  let state: PaymentState;
  if (intentId === null) {
    if (found.keepsMethod) {
      const key = stepKey(bookingId, 'customer', 1);
      ({ customerId } = await payments.createCustomer({ access, key, bookingId, tenantId }));
    }
    state = await payments.create({
      access,
      key: stepKey(bookingId, 'create', 1),
      amountMinor: found.dueMinor,
      currency: found.currency ?? '',
      bookingId,
      tenantId,
      customerId,
    });
  } else state = await payments.read({ access, intentId });
  const secretPlace = [tenantId, 'payment.client_secret', bookingId] as const;
  const wanted = await recordIntent(database.pool, {
    tenantId,
    bookingId,
    purpose: found.isDeposit ? 'deposit' : 'booking',
    accountId: found.accountId!,
    state,
    customerId,
    sealedClientSecret: state.clientSecret ? vault.seal(secretPlace, state.clientSecret) : null,
  });
  return { state, wanted };
}

/** With the payer there, whatever is not decided can still come. */
function resultOf(state: PaymentState, payerPresent: boolean): AuthorizeResult {
  switch (state.status) {
    case 'authorized':
    case 'captured':
      return { kind: 'authorized' };
    case 'needs-action':
      return payerPresent
        ? { kind: 'waiting' }
        : { kind: 'declined', code: 'authentication_required' };
    case 'needs-method':
      return payerPresent
        ? { kind: 'waiting' }
        : { kind: 'declined', code: state.declineCode ?? 'no-payment-method' };
    case 'cancelled':
      return { kind: 'ended' };
    case 'processing':
      return { kind: 'waiting' };
  }
}

/** The booking ended while its payment was being opened: the undo may have come by before its id. */
async function letGo(deps: ActivityDependencies, ref: PaymentRef): Promise<AuthorizeResult> {
  await voidPayment(deps, ref);
  return { kind: 'ended' };
}

/** The undo of paying: fenced first, so that no late attempt can authorize, then let go. */
async function voidPayment(deps: ActivityDependencies, ref: PaymentRef): Promise<VoidResult> {
  const { pool } = deps.database;
  const found = await load(deps, ref);
  // Called off after it was confirmed: some of its money may be kept.
  const wasCalledOff = found.wasConfirmed && found.state === 'cancelled';
  if (!wasCalledOff) {
    const fenced = await fencePayment(pool, ref);
    if (fenced.kind === 'confirmed') return 'already-final';
    if (fenced.intentId === null) return 'undone';
  }
  try {
    await giveBackExcess(deps, ref);
  } catch (error) {
    if (error instanceof Failure && error.code === 'payment-processing') return 'processing';
    throw error;
  }
  if (!wasCalledOff) await recordReturned(pool, ref);
  return 'undone';
}

/** Retried forward. The row is asked first: a booking called off meanwhile is not charged. */
async function capturePayment(deps: ActivityDependencies, ref: PaymentRef): Promise<CaptureResult> {
  const { payments, database } = deps;
  const found = await load(deps, ref);
  if (found.state !== 'confirmed') return { kind: 'called-off' };
  // Paid elsewhere, or by a payment that stands in for this one.
  if (found.fenced || !['method', 'browser'].includes(found.paymentKind))
    return { kind: 'captured' };
  if (found.intentId === null) return { kind: 'refused', code: 'no-payment' };
  if (found.capturedMinor > 0) return { kind: 'captured' };
  try {
    const act = { access: open(ref, found, deps), intentId: found.intentId };
    const { dueMinor: amountMinor } = found;
    // Moved meanwhile to a time that costs nothing: no service takes nothing.
    const state =
      amountMinor > 0
        ? await payments.capture({ ...act, key: stepKey(ref.bookingId, 'capture', 1), amountMinor })
        : await payments.cancel({ ...act, key: stepKey(ref.bookingId, 'void', 1) });
    await recordPayment(database.pool, { ...ref, state });
    return { kind: 'captured' };
  } catch (error) {
    // Only these speak of the payment itself; a rolled key, say, is put right and tried again.
    if (!(error instanceof Failure) || !['declined', 'conflict', 'invalid'].includes(error.kind))
      throw error;
    // Taken by an attempt whose answer was lost, before the price was another one.
    const state = await payments.read({ access: open(ref, found, deps), intentId: found.intentId });
    await recordPayment(database.pool, { ...ref, state });
    if (state.status === 'captured') {
      await giveBackExcess(deps, ref);
      return { kind: 'captured' };
    }
    if (error.kind === 'invalid') throw error;
    // A cancel may have voided the authorization between our look and our act.
    const now = await load(deps, ref);
    if (now.state !== 'confirmed') return { kind: 'called-off' };
    // Lapsed, or replaced: a change of its own collects the money by the method that was kept.
    const isLeft = error.kind === 'conflict' && (await collectAnew(database.pool, ref));
    return isLeft ? { kind: 'captured' } : { kind: 'refused', code: error.code };
  }
}

async function load(deps: ActivityDependencies, ref: PaymentRef): Promise<PaymentCase> {
  const found = await loadPaymentCase(deps.database.pool, ref);
  if (!found) throw new Failure({ kind: 'not-found', code: 'no-such-booking' });
  return found;
}

const open = (
  { tenantId }: PaymentRef,
  found: PaymentCase,
  deps: ActivityDependencies,
): PaymentAccess => openPaymentAccess(deps, tenantId, found);

function methodOf(deps: ActivityDependencies, ref: PaymentRef, found: PaymentCase): string {
  if (!found.sealedDraft) throw new Failure({ kind: 'invalid', code: 'no-payment-method' });
  return deps.vault.open([ref.tenantId, 'booking_draft.payment', ref.bookingId], found.sealedDraft);
}
