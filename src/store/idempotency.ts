import type { Database } from './database.ts';
import type { Tx } from './transactions.ts';
import { change } from './transactions.ts';

/** What a repeated request is answered with. */
export interface StoredAnswer {
  status: number;
  body: unknown;
}

export interface Claim {
  tenantId: string;
  /** The caller's Idempotency-Key; one space of keys per tenant. */
  key: string;
  /** HMAC-SHA-256 (hex) of what was asked, by the tenant's own key. */
  fingerprint: string;
}

/** How a key was used before. */
export type KeyUse =
  | { kind: 'mismatch' }
  | { kind: 'answered'; answer: StoredAnswer }
  /** The booking's own row is the answer. */
  | { kind: 'booking'; bookingId: string };

/** What is known of a key, or null. */
export async function findKeyUse(database: Database, claim: Claim): Promise<KeyUse | null> {
  const [use] = await findKeyUses(database, [claim]);
  return use ?? null;
}

/** For each claim, in their order; on `pg`, because every booking asks it. */
export async function findKeyUses(
  database: Database,
  claims: readonly Claim[],
): Promise<(KeyUse | null)[]> {
  const { rows } = await database.pool.query<KeyRow & { n: number }>({
    name: 'find-key-uses',
    text: `SELECT asked.n::integer, i.fingerprint, i.booking_id AS "bookingId", i.status, i.answer
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (tenant_id, key, n)
             JOIN idempotency i ON i.tenant_id = asked.tenant_id AND i.key = asked.key`,
    values: [claims.map(({ tenantId }) => tenantId), claims.map(({ key }) => key)],
  });
  const found = new Map(rows.map((row) => [row.n, row]));
  return claims.map((claim, n) => useOf(found.get(n + 1) ?? null, claim));
}

interface KeyRow {
  fingerprint: string;
  bookingId: string | null;
  status: number | null;
  answer: unknown;
}

function useOf(row: KeyRow | null, claim: Claim): KeyUse | null {
  if (!row) return null;
  if (row.fingerprint !== claim.fingerprint) return { kind: 'mismatch' };
  if (row.bookingId !== null) return { kind: 'booking', bookingId: row.bookingId };
  return { kind: 'answered', answer: { status: row.status ?? 200, body: row.answer } };
}

/**
 * Runs `create` once per key: its rows, its journal entry and its answer are committed together. A
 * twin waits for the first and gets its answer; one that waited too long fails with `55P03`.
 */
export async function once(
  database: Database,
  claim: Claim,
  create: (tx: Tx) => Promise<StoredAnswer>,
): Promise<KeyUse> {
  const use = await change(database, async (tx) => {
    const { tenantId, key } = claim;
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(lock_key(${tenantId}, 'idempotency', ${key}))`;
    const known = await tx.idempotency.findUnique({ where: { tenantId_key: { tenantId, key } } });
    if (known) return useOf(known, claim);
    const answer = await create(tx);
    await keep(tx, claim, answer);
    return { kind: 'answered' as const, answer };
  }).catch((error: unknown) => {
    if (error instanceof KeyTakenByHold) return null;
    throw error;
  });
  return use ?? (await findKeyUse(database, claim)) ?? { kind: 'mismatch' };
}

/** A hold claims its key without the lock above, and won. */
class KeyTakenByHold extends Error {
  override name = 'KeyTakenByHold';
}

async function keep(tx: Tx, claim: Claim, answer: StoredAnswer): Promise<void> {
  const body = JSON.stringify(answer.body);
  const kept = await tx.$executeRaw`
    INSERT INTO idempotency (tenant_id, key, fingerprint, status, answer)
    VALUES (${claim.tenantId}, ${claim.key}, ${claim.fingerprint}, ${answer.status}::integer,
            ${body}::jsonb)
    ON CONFLICT DO NOTHING`;
  if (kept === 0) throw new KeyTakenByHold();
}
