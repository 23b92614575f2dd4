import type { Request } from 'express';
import type { RequestFigures } from '../domain/request-limits.ts';
import { remaining, spend, untilFull, waitFor, WINDOW_MS } from '../domain/request-limits.ts';
import type { Database } from '../store/database.ts';
import type { Caller } from './auth.ts';
import { addressKey } from './address-key.ts';
import type { Metrics } from './metrics.ts';
import { Problem } from './problem.ts';
import type { Held } from './shared-buckets.ts';
import { createSharedBuckets } from './shared-buckets.ts';

/**
 * How often one may ask. Each process decides by itself at once, and tells the others once a second
 * what it let through: a write for each request would cost more than most requests, and a share of
 * the limit for each process would refuse a caller whose connections all lead to one. What several
 * processes let through too much within that second is owed, so that the rate is exact in the long run.
 */
export interface RequestLimits {
  /** Counts one request of a key and its tenant; answers the fields that tell how they stand. */
  ofCaller(caller: Caller, method: string): Fields;
  /** Counts one request of an address that showed no key. */
  ofAddress(request: Request): Fields;
  /** Throws as `ofAddress` would, and counts nothing. */
  requireAddress(request: Request): void;
}

type Fields = Record<'ratelimit' | 'ratelimit-policy', string>;

const POLICIES = ['key-read', 'key-write', 'tenant-read', 'tenant-write', 'address'] as const;
export type PolicyName = (typeof POLICIES)[number];

interface Asked {
  policy: PolicyName;
  perMinute: number;
  held: Held;
}

/** Addresses are nobody's row: they are counted here only, and the least lately seen are forgotten. */
const ADDRESSES_HELD = 20_000;
const KEYS_HELD = 20_000;

export function createRequestLimits(options: {
  figures: RequestFigures;
  pool: Database['pool'];
  metrics: Pick<Metrics, 'limited'>;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
}): RequestLimits {
  const { figures, metrics, now = () => performance.now() } = options;
  const shared = createSharedBuckets({ pool: options.pool, now, mostHeld: KEYS_HELD });
  const local = createSharedBuckets({ pool: null, now, mostHeld: ADDRESSES_HELD });

  const refuseEmpty = (asked: readonly Asked[]) => {
    const nowMs = now();
    const waits = asked.map(({ held, perMinute }) => waitFor(held, perMinute, nowMs));
    const waitMs = Math.max(...waits);
    if (waitMs <= 0) return;
    const violated = asked.flatMap(({ policy }, n) => (waits[n]! > 0 ? [policy] : []));
    for (const policy of violated) metrics.limited(policy);
    throw tooMany(violated, { waitMs, fields: fieldsOf(asked, nowMs) });
  };
  /** All of them or none: who is refused by one bucket has spent nothing of the other. */
  const count = (asked: readonly Asked[]): Fields => {
    refuseEmpty(asked);
    const nowMs = now();
    for (const { held, perMinute } of asked) {
      const before = untilFull(held, nowMs);
      held.fullAt = spend(held, perMinute, nowMs).fullAt;
      held.spent(held.fullAt - nowMs - before);
    }
    return fieldsOf(asked, nowMs);
  };
  const addressOf = (request: Request): Asked[] => {
    const held = local.hold('', addressKey(request.ip ?? ''));
    return [{ policy: 'address', perMinute: figures.address, held }];
  };
  return {
    ofCaller({ tenantId, keyId, own }, method) {
      const isRead = method === 'GET' || method === 'HEAD';
      const kind = isRead ? 'read' : 'write';
      const ofKey = isRead
        ? (own.readsPerMinute ?? figures.keyReads)
        : (own.writesPerMinute ?? figures.keyWrites);
      const ofTenant = isRead ? figures.tenantReads : figures.tenantWrites;
      return count([
        {
          policy: `key-${kind}`,
          perMinute: ofKey,
          held: shared.hold(tenantId, `key/${keyId}/${kind}`),
        },
        { policy: `tenant-${kind}`, perMinute: ofTenant, held: shared.hold(tenantId, kind) },
      ]);
    },
    ofAddress: (request) => count(addressOf(request)),
    requireAddress: (request) => refuseEmpty(addressOf(request)),
  };
}

/**
 * `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-11: lists of strings with
 * parameters (RFC 9651). `q` requests in `w` seconds; `r` are left, and in `t` seconds all are again.
 */
function fieldsOf(asked: readonly Asked[], nowMs: number): Fields {
  const policies = asked.map(
    ({ policy, perMinute }) => `"${policy}";q=${perMinute};w=${WINDOW_MS / 1_000}`,
  );
  const limits = asked.map(({ policy, perMinute, held }) => {
    const left = remaining(held, perMinute, nowMs);
    return `"${policy}";r=${left};t=${Math.ceil(untilFull(held, nowMs) / 1_000)}`;
  });
  return { ratelimit: limits.join(', '), 'ratelimit-policy': policies.join(', ') };
}

function tooMany(
  violated: readonly PolicyName[],
  { waitMs, fields }: { waitMs: number; fields: Fields },
): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  return new Problem('too-many-requests', {
    detail: `More was asked than ${violated.join(' and ')} allows. Repeat the request, with the same Idempotency-Key if it had one, after the seconds in Retry-After.`,
    headers: { ...fields, 'retry-after': String(seconds) },
    // Named as the draft names it, section "Problem Types".
    more: { 'violated-policies': violated },
  });
}
