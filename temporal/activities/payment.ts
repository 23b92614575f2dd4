import { stepKey } from '../../src/domain/booking.ts';
import { Failure, isRetryable } from '../../src/domain/failure.ts';
import type { PaymentAccess, PaymentState } from '../../src/payments/payment-provider.ts';
import {
  fencePayment,
  loadPaymentCase,
  recordIntent,
  recordPayment,
  type PaymentCase,
} from '../../src/store/payments.ts';
import type {
  AuthorizeResult,
  BookingPaymentActivities,
  CaptureResult,
  PaymentRef,
} from '../contracts/booking.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** The payment side of a booking. Every act may be repeated after a lost answer: its key is ours. */
export const bookingPayments = (deps: ActivityDependencies): BookingPaymentActivities => ({
  authorizePayment: (ref) => authorizePayment(deps, ref),
  voidPayment: (ref) => insisting(() => voidPayment(deps, ref)),
  capturePayment: (ref) => insisting(() => capturePayment(deps, ref)),
  returnPayment: (ref) => insisting(() => returnPayment(deps, ref)),
});

/**
 * Creates the intent (nothing moves), stores its id, then authorizes. Between the two the row says
 * whether the booking still wants it, so a late attempt cannot charge for a hold that ended.
 */
async function authorizePayment(
  deps: ActivityDependencies,
  ref: PaymentRef,
): Promise<AuthorizeResult> {
  const { payments, database, vault } = deps;
  const found = await load(deps, ref);
  const access = open(deps, ref, found);
  let state = found.intentId
    ? await payments.read({ access, intentId: found.intentId })
    : await payments.create({
        access,
        key: stepKey(ref.bookingId, 'create', 1),
        amountMinor: found.amountMinor,
        currency: found.currency ?? '',
        ...ref,
      });
  const secretPlace = [ref.tenantId, 'payment.client_secret', ref.bookingId] as const;
  const wanted = await recordIntent(database.pool, {
    ...ref,
    accountId: found.accountId!,
    state,
    sealedClientSecret: state.clientSecret ? vault.seal(secretPlace, state.clientSecret) : null,
  });
  if (!wanted) {
    await giveBack(deps, ref, state.intentId);
    return { kind: 'ended' };
  }

  if (state.status === 'needs-method') {
    try {
      state = await payments.confirm({
        access,
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
  return resultOf(state);
}

function resultOf(state: PaymentState): AuthorizeResult {
  switch (state.status) {
    case 'authorized':
    case 'captured':
      return { kind: 'authorized' };
    case 'needs-action':
      // Nobody is at a browser: the method was given by the caller.
      return { kind: 'declined', code: 'authentication_required' };
    case 'needs-method':
      return { kind: 'declined', code: state.declineCode ?? 'no-payment-method' };
    case 'cancelled':
      return { kind: 'ended' };
    case 'processing':
      throw new Failure({ kind: 'unavailable', code: 'payment-processing' });
  }
}

/** The undo of paying: fenced first, so that no late attempt can authorize, then cancelled by id. */
async function voidPayment(
  deps: ActivityDependencies,
  ref: PaymentRef,
): Promise<'undone' | 'already-final'> {
  const fenced = await fencePayment(deps.database.pool, ref);
  if (fenced.kind === 'confirmed') return 'already-final';
  if (fenced.intentId !== null) await giveBack(deps, ref, fenced.intentId);
  return 'undone';
}

/** Retried forward. The row is asked first: a booking called off meanwhile is not charged. */
async function capturePayment(deps: ActivityDependencies, ref: PaymentRef): Promise<CaptureResult> {
  const { payments, database } = deps;
  const found = await load(deps, ref);
  if (found.intentId === null) return { kind: 'refused', code: 'no-payment' };
  if (found.state !== 'confirmed') return { kind: 'called-off' };
  const access = open(deps, ref, found);
  try {
    const state = await payments.capture({
      access,
      key: stepKey(ref.bookingId, 'capture', 1),
      intentId: found.intentId,
      amountMinor: found.amountMinor,
    });
    await recordPayment(database.pool, { ...ref, state });
    return { kind: 'captured' };
  } catch (error) {
    // Only these two speak of the authorization itself; a rolled key, say, is put right and tried again.
    if (!(error instanceof Failure) || (error.kind !== 'declined' && error.kind !== 'conflict'))
      throw error;
    // A cancel may have voided the authorization between our look and our act.
    const now = await load(deps, ref);
    return now.state === 'confirmed'
      ? { kind: 'refused', code: error.code }
      : { kind: 'called-off' };
  }
}

/** After a cancel: what was taken goes back, what was only authorized is let go. */
async function returnPayment(deps: ActivityDependencies, ref: PaymentRef): Promise<void> {
  const found = await load(deps, ref);
  if (found.intentId !== null) await giveBack(deps, ref, found.intentId);
}

/**
 * Ends a payment whatever state it is in: cancels what is authorized, refunds what is captured. The
 * service is read first, because an answer of an earlier act may have been lost; when the state
 * moves between look and act, the act fails and the next attempt looks again.
 */
async function giveBack(
  deps: ActivityDependencies,
  ref: PaymentRef,
  intentId: string,
): Promise<void> {
  const { payments, database } = deps;
  const access = open(deps, ref, await load(deps, ref));
  const state = await payments.read({ access, intentId });
  if (state.status === 'processing')
    throw new Failure({ kind: 'unavailable', code: 'payment-processing' });
  if (state.status === 'captured') {
    const amountMinor = state.capturedMinor - state.refundedMinor;
    if (amountMinor > 0) {
      const refund = await payments.refund({
        access,
        // A new number only when the service says that more was returned: a definitive answer.
        key: stepKey(ref.bookingId, 'refund', state.refundedMinor + 1),
        intentId,
        amountMinor,
      });
      if (refund.status === 'failed')
        throw new Failure({ kind: 'unavailable', code: 'refund-failed' });
    }
  } else if (state.status !== 'cancelled')
    await payments.cancel({ access, key: stepKey(ref.bookingId, 'void', 1), intentId });
  const after = await payments.read({ access, intentId });
  await recordPayment(database.pool, { ...ref, state: after });
  if (after.status !== 'cancelled' && after.capturedMinor > after.refundedMinor)
    throw new Failure({ kind: 'unavailable', code: 'not-returned-yet' });
}

/** These have no other way out, so no refusal is final: what stands in their way is put right. */
async function insisting<T>(undo: () => Promise<T>): Promise<T> {
  try {
    return await undo();
  } catch (error) {
    if (!(error instanceof Failure) || isRetryable(error.kind)) throw error;
    throw new Failure({ kind: 'unavailable', code: `${error.kind}-${error.code}` });
  }
}

async function load(deps: ActivityDependencies, ref: PaymentRef): Promise<PaymentCase> {
  const found = await loadPaymentCase(deps.database.pool, ref);
  if (!found) throw new Failure({ kind: 'not-found', code: 'no-such-booking' });
  return found;
}

function open(deps: ActivityDependencies, ref: PaymentRef, found: PaymentCase): PaymentAccess {
  if (!found.sealedAccount || found.accountId === null)
    throw new Failure({ kind: 'invalid', code: 'no-payment-account' });
  const place = [ref.tenantId, 'payment_account', found.accountId] as const;
  const { secretKey, connectedAccount } = JSON.parse(
    deps.vault.open(place, found.sealedAccount),
  ) as PaymentAccess;
  return { secretKey, connectedAccount: connectedAccount ?? null };
}

function methodOf(deps: ActivityDependencies, ref: PaymentRef, found: PaymentCase): string {
  if (!found.sealedDraft) throw new Failure({ kind: 'invalid', code: 'no-payment-method' });
  return deps.vault.open([ref.tenantId, 'booking_draft.payment', ref.bookingId], found.sealedDraft);
}
