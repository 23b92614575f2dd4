import { createHmac } from 'node:crypto';
import type { Claim, KeyUse, StoredAnswer } from '../store/idempotency.ts';
import { findKeyUse, once } from '../store/idempotency.ts';
import type { Tx } from '../store/transactions.ts';
import type { ApiDependencies } from './dependencies.ts';
import { canonicalJson } from './identity.ts';
import { Problem } from './problem.ts';
import type { Answer, Input } from './route.ts';

/**
 * What a POST claims: the key, and a fingerprint of method, path and checked body. The body counts
 * as the schema read it, so that `+01:00` and `Z` of one instant are the same request. The
 * fingerprint outlives an erased guest, in rows and in workflow histories: hence it is keyed, so that
 * nobody can try names against it.
 */
export function claimOf(input: Input<unknown, unknown, unknown>): Claim {
  const key = input.header('idempotency-key') ?? '';
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw new Problem('idempotency-key-missing');
  const asked = `POST ${input.pathname}\n${canonicalJson(input.body)}`;
  const { tenantId, fingerprintKey } = input.caller;
  const fingerprint = createHmac('sha256', fingerprintKey).update(asked).digest('hex');
  return { tenantId, key, fingerprint };
}

/** Creates at most once per key; `prepare` may ask outside parties and runs before any lock. */
export async function createOnce<T>(
  input: Input<unknown, unknown, unknown>,
  deps: ApiDependencies,
  work: { prepare: () => Promise<T>; create: (tx: Tx, prepared: T) => Promise<StoredAnswer> },
): Promise<Answer & { created: boolean }> {
  const claim = claimOf(input);
  const known = await findKeyUse(deps.database, claim);
  if (known) return { ...repeated(known), created: false };
  const prepared = await work.prepare();
  let created = false;
  const use = await once(deps.database, claim, async (tx) => {
    const answer = await work.create(tx, prepared);
    created = true;
    return answer;
  });
  const answer = repeated(use);
  return created ? { ...answer, headers: {}, created } : { ...answer, created };
}

/** Tells a caller that nothing was done anew. */
export const REPEATED = { 'idempotency-replayed': 'true' };

function repeated(use: KeyUse): Answer {
  // A booking's key with this fingerprint cannot come here: the fingerprint holds the path.
  if (use.kind !== 'answered') throw new Problem('idempotency-mismatch');
  return { status: use.answer.status, body: use.answer.body, headers: REPEATED };
}
