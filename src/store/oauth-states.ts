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

/** Takes a state away, so that it serves once; null when unknown, used or too old. */
export async function takeOauthState(
  database: Database,
  state: string,
): Promise<OauthState | null> {
  const { rows } = await database.pool.query<OauthState & { fresh: boolean }>(
    `DELETE FROM oauth_state WHERE state_hash = $1
     RETURNING tenant_id AS "tenantId", channel, code_verifier AS "codeVerifier",
               account_id AS "accountId", expires_at > clock_timestamp() AS fresh`,
    [hashOf(state)],
  );
  return rows[0]?.fresh ? rows[0] : null;
}
