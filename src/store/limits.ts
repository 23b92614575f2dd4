import type pg from 'pg';
import type { ChannelLimits, Limit, Pause } from '../domain/limits.ts';

/**
 * What a call to a channel takes before it is made, shared by all processes: tokens of the account
 * and of what everybody shares, a lease where few calls may be open at once, and a closed circuit.
 * Each is one statement and one round trip; the clock is the database's.
 */
export interface Caller {
  tenantId: string;
  accountId: string;
  channel: string;
  /** Whose limits are shared: the channel, or the host where accounts are at many. */
  party: string;
  limits: ChannelLimits;
  /** Unique for ever, per call. */
  callId: string;
  /** It was told to come back, and this is that time. */
  waited: boolean;
}

export type Begun = { kind: 'go'; permit: Permit } | { kind: 'wait'; limit: Limit; waitMs: number };

export interface Permit {
  bucket: string;
  slot: number | null;
  /** The one call that finds out whether a host is back. */
  probing: boolean;
  /** The host failed lately, so a good answer is news. */
  suspect: boolean;
  /** Refusals of this account in a row. */
  strikes: number;
}

/** A lease is renewed while its call goes on; one that is not frees itself after this. */
export const LEASE_MS = 30_000;

/** Takes all that a call needs, or nothing. Never more than a bucket's burst plus its rate. */
export async function beginCall(pool: pg.Pool, caller: Caller): Promise<Begun> {
  const { account, shared, atOnce } = caller.limits;
  const { rows } = await pool.query<Permit & { refused: Limit | null; waitMs: number }>(
    `SELECT refused, wait_ms AS "waitMs", bucket, slot, probing, suspect, strikes
       FROM begin_call($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      caller.tenantId,
      caller.accountId,
      caller.channel,
      caller.party,
      account.burst,
      account.periodMs,
      shared?.burst ?? null,
      shared?.periodMs ?? null,
      atOnce,
      caller.callId,
      LEASE_MS,
      caller.waited,
    ],
  );
  const { refused, waitMs, ...permit } = rows[0]!;
  return refused === null ? { kind: 'go', permit } : { kind: 'wait', limit: refused, waitMs };
}

export interface Ended {
  /** `unknown`: nothing was learned of the host. */
  outcome: 'alive' | 'down' | 'unknown';
  /** Requests beyond the one that was taken for. */
  surplus: number;
  pause: Pause | null;
}

/** Whether the end of a call has to be said: mostly not, and then it costs nothing. */
export const isWorthSaying = (permit: Permit, ended: Ended): boolean =>
  permit.slot !== null ||
  permit.probing ||
  ended.surplus > 0 ||
  ended.pause !== null ||
  ended.outcome === 'down' ||
  (ended.outcome === 'alive' && (permit.suspect || permit.strikes > 0));

/** Gives the lease back and tells what the call made known, for all processes. */
export async function endCall(
  pool: pg.Pool,
  caller: Caller,
  { permit, ended }: { permit: Permit; ended: Ended },
): Promise<void> {
  const { account, shared } = caller.limits;
  const { pause } = ended;
  await pool.query(`SELECT end_call($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, [
    caller.party,
    permit.bucket,
    permit.slot,
    caller.callId,
    permit.probing,
    ended.outcome,
    ended.surplus,
    account.periodMs,
    shared?.periodMs ?? null,
    pause?.of ?? null,
    pause?.ms ?? null,
    pause?.of === 'shared' ? (shared?.burst ?? 0) : account.burst,
  ]);
}

/** While a call goes on, its lease does. */
export async function keepLease(
  pool: pg.Pool,
  { bucket, slot }: Permit,
  callId: string,
): Promise<void> {
  await pool.query(
    `UPDATE call_lease SET expires_at = clock_timestamp() + $4 * interval '1 millisecond'
      WHERE bucket = $1 AND slot = $2 AND holder = $3`,
    [bucket, slot, callId, LEASE_MS],
  );
}

export interface LimitStanding {
  /** By channel: buckets that rest because the channel asked for it. */
  pausedBuckets: Record<string, number>;
  /** By channel: hosts that are left alone but for probes. */
  openCircuits: Record<string, number>;
  /** Tenants in line for what is shared. */
  tenantsInLine: number;
}

export async function readLimits(pool: pg.Pool): Promise<LimitStanding> {
  const { rows } = await pool.query<LimitStanding>(`
    SELECT (SELECT coalesce(json_object_agg(channel, many), '{}') FROM (
             SELECT split_part(replace(bucket, 'shared/', ''), '/', 1) AS channel,
               count(*)::integer AS many
             FROM call_bucket WHERE paused_until > clock_timestamp() GROUP BY 1) p)
             AS "pausedBuckets",
           (SELECT coalesce(json_object_agg(channel, many), '{}') FROM (
             SELECT split_part(party, '/', 1) AS channel, count(*)::integer AS many
             FROM circuit WHERE state = 'open' GROUP BY 1) c) AS "openCircuits",
           (SELECT count(DISTINCT tenant_id)::integer FROM call_turn
             WHERE next_at > clock_timestamp()) AS "tenantsInLine"`);
  return rows[0]!;
}

/** Buckets that have long been full, lines that nobody stands in, hosts long well: as if never there. */
export async function dropIdleLimits(pool: pg.Pool): Promise<void> {
  await pool.query(
    `DELETE FROM call_bucket WHERE full_at < clock_timestamp() - interval '1 day'
       AND (paused_until IS NULL OR paused_until < clock_timestamp() - interval '1 day')`,
  );
  await pool.query(`DELETE FROM call_turn WHERE next_at < clock_timestamp() - interval '1 hour'`);
  await pool.query(
    `DELETE FROM call_lease WHERE expires_at < clock_timestamp() - interval '1 day'`,
  );
  await pool.query(
    `DELETE FROM circuit WHERE state <> 'open' AND failed_at < clock_timestamp() - interval '1 day'`,
  );
}
