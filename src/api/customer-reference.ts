import { createHmac } from 'node:crypto';

/**
 * What bookings of one customer are found by, without the reference itself: an HMAC-SHA-256 by the
 * tenant's key. Case, outer and repeated space do not count.
 */
export const referenceHashOf = (fingerprintKey: Uint8Array, reference: string): Buffer =>
  createHmac('sha256', fingerprintKey)
    .update(`customer-reference\n${normal(reference)}`)
    .digest();

const normal = (reference: string): string =>
  reference.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLowerCase();
