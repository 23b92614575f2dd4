import { leaveDraft } from '../store/drafts.ts';
import type { Asked } from './book.ts';
import { referenceHashOf } from './customer-reference.ts';
import type { ApiDependencies } from './dependencies.ts';
import { canonicalJson } from './identity.ts';
import { Problem } from './problem.ts';

/**
 * Leaves what must not stand in a history where the workflow's activities find it. The store tells
 * one key's payloads apart by fingerprint; a draft has none, so its contents are compared here.
 */
export async function leaveBookingDraft(
  tenantId: string,
  { asked, caller, bookingId }: Asked & { bookingId: string },
  { vault, database }: ApiDependencies,
): Promise<void> {
  const places = {
    guest: [tenantId, 'booking.guest', bookingId],
    payment: [tenantId, 'booking_draft.payment', bookingId],
  } as const;
  const plain = {
    guest: asked.guest ? canonicalJson(asked.guest) : null,
    payment: asked.payment.kind === 'method' ? asked.payment.paymentMethod : null,
  };
  const seal = (part: keyof typeof plain) =>
    plain[part] === null ? null : vault.seal(places[part], plain[part]);
  const reference = asked.guest?.reference;
  const other = await leaveDraft(database, {
    tenantId,
    bookingId,
    guest: seal('guest'),
    payment: seal('payment'),
    referenceHash: reference ? referenceHashOf(caller.fingerprintKey, reference) : null,
  });
  if (!other) return;
  const left = (part: keyof typeof plain) =>
    other[part] === null ? null : vault.open(places[part], other[part]);
  if (left('guest') !== plain.guest || left('payment') !== plain.payment)
    throw new Problem('idempotency-mismatch');
}
