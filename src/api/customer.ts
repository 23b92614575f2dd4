import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BookingRef } from '../commands.ts';
import { tokenParts, type TokenParts } from '../store/customers.ts';
import type { Caller } from './auth.ts';
import type { ApiDependencies } from './dependencies.ts';
import { Problem } from './problem.ts';
import type { Input } from './route.ts';

/**
 * A booking's customer opens it with a token of its own: tenant and booking, and an HMAC-SHA-256 of
 * them by the tenant's key. Nothing of it is stored; it is revoked by a number in the booking's row.
 */
export function customerTokenOf({ tenantId, bookingId }: BookingRef, parts: TokenParts): string {
  const tenant = Buffer.from(tenantId).toString('base64url');
  return `hfc_${tenant}.${bookingId}.${macOf(bookingId, parts).toString('base64url')}`;
}

const macOf = (bookingId: string, { key, epoch }: TokenParts): Buffer =>
  createHmac('sha256', key).update(`customer-token\n${bookingId}\n${epoch}`).digest();

export interface Customer {
  ref: BookingRef;
  caller: Caller;
}

/** Throws `unauthenticated` alike for a token that is wrong, revoked, or of no booking. */
export async function requireCustomer(
  header: string | undefined,
  deps: Pick<ApiDependencies, 'database'>,
): Promise<Customer> {
  const match = TOKEN.exec(header ?? '');
  if (!match) throw refusedToken();
  const [, tenant = '', bookingId = '', mac = ''] = match;
  const tenantId = Buffer.from(tenant, 'base64url').toString();
  const ref = { tenantId, bookingId };
  const parts = STORABLE.test(tenantId) ? await tokenParts(deps.database, ref) : null;
  const right = macOf(bookingId, parts ?? NOBODYS);
  const given = Buffer.from(mac, 'base64url');
  if (!timingSafeEqual(given, right) || !parts) throw refusedToken();
  const own = { readsPerMinute: null, writesPerMinute: null };
  const keyId = 'customer';
  return {
    ref,
    caller: { tenantId, scopes: new Set(), fingerprintKey: parts.key, keyId, own },
  };
}

const TOKEN = /^Bearer +hfc_([A-Za-z0-9_-]{1,200})\.([A-Za-z0-9-]{1,64})\.([A-Za-z0-9_-]{43})$/i;
const STORABLE = /^[\x20-\x7e]{1,100}$/;
const NOBODYS: TokenParts = { key: new Uint8Array(32), epoch: -1 };

const refusedToken = (): Problem =>
  new Problem('unauthenticated', {
    detail: 'Send `Authorization: Bearer <customerToken>` with a token that was not revoked.',
    headers: { 'www-authenticate': 'Bearer' },
  });

/** The request as the customer's own: keys of one booking's customer are no other's. */
export function asCustomer<P, Q, B>(
  input: Input<P, Q, B>,
  { ref, caller }: Customer,
): Input<P, Q, B> {
  const key = input.header('idempotency-key');
  if (key !== undefined && !/^[\x21-\x7e]{1,120}$/.test(key))
    throw new Problem('idempotency-key-missing', {
      detail: 'Send an Idempotency-Key header of 1 to 120 visible characters.',
    });
  const own = key === undefined ? undefined : `customer/${ref.bookingId}/${key}`;
  return {
    ...input,
    caller,
    header: (name) => (name.toLowerCase() === 'idempotency-key' ? own : input.header(name)),
  };
}
