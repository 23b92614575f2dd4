import type { BookingRef } from '../commands.ts';
import { DEFAULT_RESOURCE_SETTINGS, type ResourceSettings } from '../domain/resource.ts';
import type { Database } from './database.ts';

/** What a customer's token is made of; `key` is the tenant's. */
export interface TokenParts {
  key: Uint8Array;
  epoch: number;
}

export async function tokenParts(
  { pool }: Pick<Database, 'pool'>,
  { tenantId, bookingId }: BookingRef,
): Promise<TokenParts | null> {
  const { rows } = await pool.query<TokenParts>({
    name: 'customer-token-parts',
    text: `SELECT t.fingerprint_key AS key, b.customer_epoch AS epoch
      FROM booking b JOIN tenant t ON t.id = b.tenant_id WHERE b.tenant_id = $1 AND b.id = $2`,
    values: [tenantId, bookingId],
  });
  return rows[0] ?? null;
}

/** What the booking's resource lets customers do by themselves. */
export async function customersMay(
  { pool }: Pick<Database, 'pool'>,
  { tenantId, bookingId }: BookingRef,
): Promise<ResourceSettings['customers']> {
  const { rows } = await pool.query<{ rule: Partial<ResourceSettings['customers']> | null }>({
    name: 'customers-may',
    text: `SELECT r.settings->'customers' AS rule FROM booking b
      JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
      WHERE b.tenant_id = $1 AND b.id = $2`,
    values: [tenantId, bookingId],
  });
  return { ...DEFAULT_RESOURCE_SETTINGS.customers, ...rows[0]?.rule };
}

/** Tokens given out before open the booking no more. */
export async function revokeTokens(
  { pool }: Pick<Database, 'pool'>,
  { tenantId, bookingId }: BookingRef,
): Promise<void> {
  await pool.query(
    'UPDATE booking SET customer_epoch = customer_epoch + 1 WHERE tenant_id = $1 AND id = $2',
    [tenantId, bookingId],
  );
}
