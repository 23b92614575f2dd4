import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BookingRef } from '../commands.ts';

/**
 * A payer's way to one payment: `<public URL>/pay#<tenant>/<booking>/<n>/<token>`. All of it stands
 * behind the `#`, so that no log on the way has it. The token opens that one payment and nothing else:
 * it is an HMAC-SHA-256 by the tenant's key, base64url.
 */
export type LinkedRef = BookingRef & { n: number };

const tokenOf = (fingerprintKey: Uint8Array, { bookingId, n }: LinkedRef): string =>
  createHmac('sha256', fingerprintKey)
    .update(`payment-link\n${bookingId}\n${n}`)
    .digest('base64url');

export const paymentLink = (
  publicUrl: string,
  ref: LinkedRef & { fingerprintKey: Uint8Array },
): string =>
  `${publicUrl}/pay#${ref.tenantId}/${ref.bookingId}/${ref.n}/${tokenOf(ref.fingerprintKey, ref)}`;

/** Takes as long for a wrong token as for the right one. */
export function opensPayment(
  fingerprintKey: Uint8Array,
  ref: LinkedRef & { token: string },
): boolean {
  const digest = (text: string) => createHmac('sha256', fingerprintKey).update(text).digest();
  return timingSafeEqual(digest(tokenOf(fingerprintKey, ref)), digest(ref.token));
}
