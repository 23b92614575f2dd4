import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { BookingState } from '../domain/booking.ts';
import {
  isMassConflict,
  isOutranked,
  isStronger,
  type AskedBecause,
  type Claim,
  type ConflictOutcome,
  type Decision,
  type TimeClaim,
  type Weighed,
} from '../domain/conflict.ts';
import type { ConflictRule } from '../domain/resource.ts';
import { transaction, type Queryable } from './database.ts';
import type { ConnectionKey } from './sync.ts';

/** Conflicts as rows: found by a page, decided and settled under the booking's lock. */

export interface ConflictRef extends BookingRef {
  changeId: string;
}

export interface FoundOver {
  bookingId: string;
  rootId: string;
}

/** Inside the transaction of the page that found them. */
export async function findConflicts(
  client: Queryable,
  { tenantId, connectionId, found }: ConnectionKey & { found: readonly FoundOver[] },
): Promise<void> {
  if (found.length === 0) return;
  await client.query('SELECT find_conflicts($1, $2, $3, $4)', [
    tenantId,
    connectionId,
    found.map((one) => one.bookingId),
    found.map((one) => one.rootId),
  ]);
}

/**
 * At the end of a pass, in its transaction: what is gone is news, and where too many bookings are in
 * conflict at once, a person is asked about them all.
 */
export async function judgeConflicts(client: Queryable, key: ConnectionKey): Promise<void> {
  const ids = [key.tenantId, key.connectionId];
  const { rows: open } = await client.query<{ undecided: boolean }>(
    `SELECT coalesce(bool_or(decision IS NULL AND asked_because IS NULL), false) AS undecided
       FROM conflict WHERE tenant_id = $1 AND connection_id = $2 AND state = 'open' HAVING count(*) > 0`,
    ids,
  );
  if (!open[0]) return;
  await client.query('SELECT conflicts_left($1, $2)', ids);
  if (!open[0].undecided) return;
  const { rows } = await client.query<{ inConflict: number; ofBookings: number }>(
    `SELECT (SELECT count(DISTINCT booking_id)::integer FROM conflict WHERE tenant_id = $1
          AND connection_id = $2 AND found_at > clock_timestamp() - interval '1 hour') AS "inConflict",
        (SELECT count(DISTINCT o.booking_id)::integer FROM connection c JOIN occupancy o
            ON o.tenant_id = c.tenant_id AND o.resource_id = c.resource_id AND o.live
           AND o.confirmed_at IS NOT NULL AND upper(o.span) > clock_timestamp()
          WHERE c.tenant_id = $1 AND c.id = $2) AS "ofBookings"`,
    ids,
  );
  const { inConflict, ofBookings } = rows[0]!;
  if (isMassConflict(inConflict, ofBookings))
    await client.query('SELECT ask_about_mass($1, $2)', ids);
}

interface Row {
  id: string;
  connectionId: string;
  rootId: string;
  state: 'open' | 'settled';
  rule: ConflictRule;
  askedBecause: AskedBecause | null;
  onDeadline: 'keep-ours' | 'keep-theirs';
  msLeft: number | null;
  decision: Decision | null;
  outcome: ConflictOutcome | null;
  bookingState: BookingState;
  isThere: boolean;
  isGivingWay: boolean;
  ours: Claim;
  theirs: Claim;
}

/**
 * How a conflict stands, decided by its rule as soon as that says, and settled when nothing is left to
 * decide. All of it may be repeated: the row decides, and it decides by what stands at that moment.
 */
export const weighConflict = (pool: pg.Pool, ref: ConflictRef): Promise<Weighed> =>
  transaction(pool, async (client) => {
    const row = await lockedRow(client, ref);
    if (!row) return { kind: 'settled', outcome: 'gone' };
    // Where its run died before it was through: what is done may be done again, and money is due.
    if (row.isGivingWay) return { kind: 'theirs' };
    if (row.state === 'settled') {
      await takeCallBack(client, ref);
      return { kind: 'settled', outcome: row.outcome! };
    }
    const it = { tenantId: ref.tenantId, id: row.id };
    const isHeld = row.bookingState === 'held' || row.bookingState === 'paying';
    if (!isHeld && row.bookingState !== 'confirmed') return settle(client, it, 'booking-over');
    if (!row.isThere) return settle(client, it, 'gone');
    const decision = row.decision ?? (await decided(client, ref, row));
    if (decision === 'ours') return settle(client, it, 'kept-ours');
    if (decision === null) return { kind: 'wait', for: 'person', forMs: row.msLeft };
    return isHeld ? { kind: 'wait', for: 'hold', forMs: HOLD_LOOK_MS } : { kind: 'theirs' };
  });

/** A hold that lost to what looks like its copy is looked at again until it is confirmed or over. */
const HOLD_LOOK_MS = 30_000;

async function lockedRow(client: Queryable, ref: ConflictRef): Promise<Row | null> {
  const ids = [ref.tenantId, ref.bookingId, ref.changeId];
  await client.query('SELECT lock_booking($1, $2)', ids.slice(0, 2));
  const { rows } = await client.query<Row>(
    `SELECT k.id, k.connection_id AS "connectionId", k.root_id AS "rootId", k.state, k.rule,
       k.asked_because AS "askedBecause", k.on_deadline AS "onDeadline", k.decision, k.outcome,
       CASE WHEN k.deadline_at IS NOT NULL THEN
         greatest(0, ceil(date_part('epoch', k.deadline_at - clock_timestamp()) * 1000)) END AS "msLeft",
       b.state AS "bookingState",
       conflict_spans($1, $2, k.connection_id, k.root_id, true) IS NOT NULL AS "isThere",
       EXISTS (SELECT FROM booking_change c WHERE c.tenant_id = $1 AND c.booking_id = $2 AND c.id = $3
         AND c.state = 'open') AS "isGivingWay",
       our_claim($1, $2) AS ours, their_claim($1, k.connection_id, k.root_id) AS theirs
      FROM conflict k JOIN booking b ON b.tenant_id = k.tenant_id AND b.id = k.booking_id
     WHERE k.tenant_id = $1 AND k.booking_id = $2 AND k.change_id = $3`,
    ids,
  );
  return rows[0] ?? null;
}

/** What the rule says by now; null while a person may say it. */
async function decided(client: Queryable, ref: ConflictRef, row: Row): Promise<Decision | null> {
  const isAsked = row.askedBecause !== null || row.rule === 'ask';
  const isLate = row.askedBecause === null && row.msLeft === 0;
  if (isAsked && !isLate) return null;
  const rule = isAsked ? row.onDeadline : row.rule;
  const decision = rule === 'by-key' ? await byKey(client, ref, row) : DECISION_OF[rule];
  await client.query(
    'UPDATE conflict SET ours = $3, theirs = $4 WHERE tenant_id = $1 AND id = $2',
    [ref.tenantId, row.id, JSON.stringify(row.ours), JSON.stringify(row.theirs)],
  );
  await client.query('SELECT decide_conflict($1, $2, $3, $4, NULL)', [
    ref.tenantId,
    row.id,
    decision,
    isAsked ? 'deadline' : 'rule',
  ]);
  return decision;
}

const DECISION_OF: Record<Exclude<ConflictRule, 'by-key'>, Decision> = {
  'keep-ours': 'ours',
  'keep-theirs': 'theirs',
  ask: 'ours',
};

/** What does not take the booking's very unit is weighed with all that wants a place then. */
async function byKey(client: Queryable, ref: ConflictRef, row: Row): Promise<Decision> {
  const ids = [ref.tenantId, ref.bookingId];
  const { rows: taken } = await client.query<{ capacity: number; isDirect: boolean }>(
    `SELECT r.capacity, EXISTS (SELECT FROM busy b JOIN occupancy o ON o.tenant_id = $1
         AND o.booking_id = $2 AND o.live AND o.span && tstzrange(b.start_at, b.end_at)
       WHERE b.tenant_id = $1 AND b.connection_id = $3 AND b.root_id = $4
         AND (o.resource_id <> b.resource_id OR b.unit IS NULL OR o.unit = 0 OR b.unit = o.unit)) AS "isDirect"
      FROM connection c JOIN resource r ON r.tenant_id = c.tenant_id AND r.id = c.resource_id
      WHERE c.tenant_id = $1 AND c.id = $3`,
    [...ids, row.connectionId, row.rootId],
  );
  if (!taken[0] || taken[0].isDirect) return isStronger(row.theirs, row.ours) ? 'theirs' : 'ours';
  const { rows: claims } = await client.query<LoadedClaim>(CLAIMS, [...ids, row.connectionId]);
  const all = claims.map(claimOf);
  const ours = all.find((one) => one.id === row.ours.id);
  if (!ours?.units) return 'ours';
  return isOutranked({ ...ours, units: ours.units }, all, taken[0].capacity) ? 'theirs' : 'ours';
}

interface LoadedClaim {
  claim: Claim;
  startAt: Date;
  endAt: Date;
  units: number[] | null;
}

const claimOf = ({ claim, startAt, endAt, units }: LoadedClaim): TimeClaim => ({
  ...claim,
  units,
  spans: [{ startAt: startAt.getTime(), endAt: endAt.getTime() }],
});

/** Everything that claims the booking's time at the resource that the connection speaks of. */
const CLAIMS = `
  WITH place AS (
    SELECT c.resource_id, range_agg(o.span) AS spans FROM connection c
      JOIN occupancy o ON o.tenant_id = c.tenant_id AND o.resource_id = c.resource_id AND o.live
       AND o.booking_id = $2 AND o.change_id IS NULL AND o.unit > 0
     WHERE c.tenant_id = $1 AND c.id = $3 GROUP BY c.resource_id
  )
  SELECT our_claim($1, o.booking_id) AS claim, lower(o.span) AS "startAt", upper(o.span) AS "endAt",
    array_agg(o.unit) AS units
   FROM place p JOIN occupancy o ON o.tenant_id = $1 AND o.resource_id = p.resource_id AND o.live
    AND o.unit > 0 AND o.confirmed_at IS NOT NULL AND o.change_id IS NULL AND o.span && p.spans
   GROUP BY o.booking_id, o.span
  UNION ALL
  SELECT their_claim($1, b.connection_id, b.root_id), b.start_at, b.end_at,
    CASE WHEN b.unit IS NOT NULL THEN ARRAY[b.unit] END
   FROM place p JOIN busy b ON b.tenant_id = $1 AND b.resource_id = p.resource_id AND NOT b.stale
    AND tstzrange(b.start_at, b.end_at) && p.spans
    AND NOT EXISTS (SELECT FROM echo e WHERE e.tenant_id = $1 AND e.connection_id = b.connection_id
      AND e.root_id = b.root_id AND e.gone_since IS NULL)`;

async function settle(
  client: Queryable,
  { tenantId, id }: { tenantId: string; id: string },
  outcome: ConflictOutcome,
): Promise<Weighed> {
  await client.query('SELECT settle_conflict($1, $2, $3)', [tenantId, id, outcome]);
  return { kind: 'settled', outcome };
}

/** The booking ended with it: nobody is asked any more. */
async function takeCallBack(client: Queryable, { tenantId, bookingId }: BookingRef): Promise<void> {
  await client.query(
    `SELECT end_attention($1, $2, 'conflict', 'booking.settled', '{}') FROM booking
      WHERE tenant_id = $1 AND id = $2 AND 'conflict' = ANY (attentions) AND NOT EXISTS (
        SELECT FROM conflict WHERE tenant_id = $1 AND booking_id = $2 AND state = 'open')`,
    [tenantId, bookingId],
  );
}

/** What a person decided; false when it was decided or settled before. */
export const decideConflict = (
  pool: pg.Pool,
  input: ConflictRef & { keep: Decision; by: string },
): Promise<boolean> =>
  transaction(pool, async (client) => {
    await client.query('SELECT lock_booking($1, $2)', [input.tenantId, input.bookingId]);
    const { rows } = await client.query<{ done: boolean }>(
      `SELECT decide_conflict($1, id, $4, 'operator', $5) AS done FROM conflict
        WHERE tenant_id = $1 AND booking_id = $2 AND change_id = $3`,
      [input.tenantId, input.bookingId, input.changeId, input.keep, input.by],
    );
    return rows[0]?.done ?? false;
  });

/** It was settled by an act of its own. */
export const settleConflict = (
  pool: pg.Pool,
  input: ConflictRef & { outcome: ConflictOutcome },
): Promise<void> =>
  transaction(pool, async (client) => {
    await client.query('SELECT lock_booking($1, $2)', [input.tenantId, input.bookingId]);
    await client.query(
      `SELECT settle_conflict($1, id, $4) FROM conflict
        WHERE tenant_id = $1 AND booking_id = $2 AND change_id = $3`,
      [input.tenantId, input.bookingId, input.changeId, input.outcome],
    );
  });
