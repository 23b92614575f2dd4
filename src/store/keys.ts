import { hash, randomBytes } from 'node:crypto';
import type { Database } from './database.ts';

/**
 * API keys are `hf_<key id>_<secret>`; of the secret only its SHA-256 is kept. A secret is 32 random
 * bytes, so a slow hash would add nothing.
 */
export interface KeyRow {
  tenantId: string;
  keyId: string;
  secretHash: Uint8Array;
  scopes: string[];
  loopbackOnly: boolean;
  revoked: boolean;
  /** The tenant's: keys the fingerprints of its requests. */
  fingerprintKey: Uint8Array;
  /** Limits of this key alone; null where the setting's hold. */
  readsPerMinute: number | null;
  writesPerMinute: number | null;
}

export interface NewKey {
  tenantId: string;
  label: string;
  scopes: readonly string[];
  loopbackOnly?: boolean;
  readsPerMinute?: number | null;
  writesPerMinute?: number | null;
  /** Fixed parts, for the demo's key only; random otherwise. Letters and digits. */
  keyId?: string;
  secret?: string;
}

/** Creates a key (or puts a fixed one back as it was) and answers the only copy of its text. */
export async function createKey(database: Database, input: NewKey): Promise<string> {
  const keyId = input.keyId ?? randomBytes(9).toString('hex');
  const secret = input.secret ?? randomBytes(32).toString('hex');
  const values = {
    secretHash: hashSecret(secret),
    label: input.label,
    scopes: [...input.scopes],
    loopbackOnly: input.loopbackOnly ?? false,
    readsPerMinute: input.readsPerMinute ?? null,
    writesPerMinute: input.writesPerMinute ?? null,
  };
  const { tenantId } = input;
  await database.prisma.apiKey.upsert({
    where: { tenantId_id: { tenantId, id: keyId } },
    create: { tenantId, id: keyId, ...values },
    update: values,
  });
  return `hf_${keyId}_${secret}`;
}

export const hashSecret = (secret: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(hash('sha256', secret, 'buffer'));

/** On `pg`: every request may ask it. */
export async function findKey(database: Database, keyId: string): Promise<KeyRow | null> {
  const { rows } = await database.pool.query<KeyRow>({
    name: 'find-key',
    text: `SELECT k.tenant_id AS "tenantId", k.id AS "keyId", k.secret_hash AS "secretHash", k.scopes,
                  k.loopback_only AS "loopbackOnly", k.revoked_at IS NOT NULL AS revoked,
                  k.reads_per_minute AS "readsPerMinute", k.writes_per_minute AS "writesPerMinute",
                  t.fingerprint_key AS "fingerprintKey"
             FROM api_key k JOIN tenant t ON t.id = k.tenant_id WHERE k.id = $1`,
    values: [keyId],
  });
  return rows[0] ?? null;
}
