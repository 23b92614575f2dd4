import { createHash } from 'node:crypto';
import type { Database } from './database.ts';

/** A consent on its way. The state itself is kept by nobody but the browser; here is its hash. */
export interface OauthState {
  tenantId: string;
  channel: string;
  /** Sealed for the place `[tenantId, 'oauth_state', stateRowId(state)]`. */
  codeVerifier: Uint8Array<ArrayBuffer>;
  /** The account to authorize again; null makes a new one. */
  accountId: string | null;
}

const hashOf = (state: string) => new Uint8Array(createHash('sha256').update(state).digest());

export const stateRowId = (state: string): string => Buffer.from(hashOf(state)).toString('hex');

export async function keepOauthState(
  database: Database,
  state: string,
  row: OauthState & { expiresAt: Date },
): Promise<void> {
  await database.prisma.oauthState.create({ data: { ...row, stateHash: hashOf(state) } });
}

export type TakenState =
  { kind: 'taken'; state: OauthState } | { kind: 'unknown' | 'used' | 'late' };

/** A state serves once: whoever comes second, however close, is told so. */
export async function takeOauthState(database: Database, state: string): Promise<TakenState> {
  const { rows } = await database.pool.query<OauthState & { used: boolean; late: boolean }>(
    TAKE_STATE,
    [hashOf(state)],
  );
  const row = rows[0];
  if (!row) return { kind: 'unknown' };
  const { used, late, ...taken } = row;
  if (used) return { kind: 'used' };
  return late ? { kind: 'late' } : { kind: 'taken', state: taken };
}

// Read under the row's lock before it is marked; what the browser brings back is needed once.
const TAKE_STATE = `
  WITH seen AS (SELECT * FROM oauth_state WHERE state_hash = $1 FOR UPDATE), marked AS (
    UPDATE oauth_state o SET used_at = clock_timestamp(), code_verifier = '' FROM seen
     WHERE o.state_hash = seen.state_hash AND seen.used_at IS NULL)
  SELECT tenant_id AS "tenantId", channel, code_verifier AS "codeVerifier",
    account_id AS "accountId", used_at IS NOT NULL AS used, expires_at <= clock_timestamp() AS late
  FROM seen`;
