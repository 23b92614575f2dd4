import type pg from 'pg';
import type { Queryable } from './database.ts';
import { transaction } from './database.ts';

export interface AccountKey {
  tenantId: string;
  accountId: string;
}

export interface StoredCredential {
  channel: string;
  state: 'active' | 'needs-reauthorization';
  sealed: Buffer;
  version: number;
}

export async function loadCredential(
  db: Queryable,
  key: AccountKey,
): Promise<StoredCredential | null> {
  const { rows } = await db.query<StoredCredential>(
    `SELECT channel, state, credential AS sealed, credential_version AS version FROM account
      WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, key.accountId],
  );
  return rows[0] ?? null;
}

/**
 * Runs `change` while no other process refreshes this account. It sees the newest credential, and
 * what it answers replaces it; null leaves it as it is.
 */
export async function changeCredential(
  pool: pg.Pool,
  key: AccountKey,
  change: (current: StoredCredential) => Promise<Buffer | null>,
): Promise<StoredCredential | null> {
  return transaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(lock_key($1, 'account', $2))`, [
      key.tenantId,
      key.accountId,
    ]);
    const current = await loadCredential(client, key);
    if (!current) return null;
    const sealed = await change(current);
    if (!sealed) return current;
    await client.query(
      `UPDATE account SET credential = $3, credential_version = credential_version + 1, state = 'active'
        WHERE tenant_id = $1 AND id = $2`,
      [key.tenantId, key.accountId, sealed],
    );
    return { ...current, sealed, version: current.version + 1, state: 'active' };
  });
}

/** The channel refuses the grant: all connections of the account wait for a person. */
export async function markUnauthorized(pool: pg.Pool, key: AccountKey): Promise<void> {
  await pool.query(
    `UPDATE account SET state = 'needs-reauthorization' WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, key.accountId],
  );
}
