import type pg from 'pg';
import { Failure } from '../domain/failure.ts';
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

/** Long enough for a token endpoint to answer another process. */
const ASK_AGAIN_MS = 1_000;

/**
 * Runs `change` while no other process refreshes this account. It sees the newest credential, and
 * what it answers replaces it, unless a person gave another one meanwhile; null leaves it as it is.
 * Throws `unavailable` when another process is at it: waiting here would keep a database connection
 * for as long as a channel takes to answer. `change` must be done within 10 s.
 */
export async function changeCredential(
  pool: pg.Pool,
  key: AccountKey,
  change: (current: StoredCredential) => Promise<Buffer | null>,
): Promise<StoredCredential | null> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<{ isAlone: boolean }>(
      `SELECT pg_try_advisory_xact_lock(lock_key($1, 'account', $2)) AS "isAlone"`,
      [key.tenantId, key.accountId],
    );
    if (!rows[0]?.isAlone)
      throw new Failure({
        kind: 'unavailable',
        code: 'account-in-use',
        retryAfterMs: ASK_AGAIN_MS,
      });
    const current = await loadCredential(client, key);
    if (!current) return null;
    const sealed = await change(current);
    if (!sealed) return current;
    const { rowCount } = await client.query(
      `UPDATE account SET credential = $3, credential_version = credential_version + 1
        WHERE tenant_id = $1 AND id = $2 AND credential_version = $4`,
      [key.tenantId, key.accountId, sealed, current.version],
    );
    if (rowCount === 0) return loadCredential(client, key);
    return { ...current, sealed, version: current.version + 1 };
  });
}

/**
 * The channel refuses the grant of this version: all connections of the account wait for a person,
 * but for those that a person paused. A grant that a person gave meanwhile stays active. Answers the
 * connections it closed.
 */
export async function markUnauthorized(
  pool: pg.Pool,
  key: AccountKey,
  version: number,
): Promise<string[]> {
  const ids = [key.tenantId, key.accountId];
  return transaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(lock_key($1, 'account', $2))`, ids);
    await client.query(LOCK_CONNECTIONS, ids);
    const { rowCount } = await client.query(MARK_UNAUTHORIZED, [...ids, version]);
    if (rowCount === 0) return [];
    const { rows } = await client.query<{ id: string }>(CLOSE_CONNECTIONS, ids);
    return rows.map((row) => row.id);
  });
}

// In the order in which everybody takes them, before the first write.
const LOCK_CONNECTIONS = `
  SELECT lock_connection($1, c.id) FROM (SELECT id FROM connection
    WHERE tenant_id = $1 AND account_id = $2 AND disconnected_at IS NULL ORDER BY id OFFSET 0) c`;

// The reason is the one that a connection gives which meets the refusal itself.
const CLOSE_CONNECTIONS = `
  WITH closed AS (
    UPDATE connection SET status = 'needs-reauthorization', status_reason = 'unauthorized',
      status_since = clock_timestamp(), seq = seq + 1
    WHERE tenant_id = $1 AND account_id = $2 AND disconnected_at IS NULL
      AND status NOT IN ('paused', 'needs-reauthorization')
    RETURNING id, seq
  ) SELECT id, append_entry($1, 'connection/' || id, seq, 'connection.needs-reauthorization',
      '{"reason": "unauthorized"}') FROM closed`;

// An account has no counter of its own; its lock makes the journal's last number safe.
const MARK_UNAUTHORIZED = `
  WITH marked AS (
    UPDATE account SET state = 'needs-reauthorization'
     WHERE tenant_id = $1 AND id = $2 AND credential_version = $3 AND state = 'active'
    RETURNING channel
  ) SELECT append_entry($1, 'account/' || $2,
      (SELECT coalesce(max(seq), 0) + 1 FROM journal WHERE tenant_id = $1 AND subject = 'account/' || $2),
      'account.needs-reauthorization', jsonb_build_object('channel', channel)) FROM marked`;
