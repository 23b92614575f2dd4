import type pg from 'pg';
import type { BookingRef, RescheduleAsk, StartChange } from '../commands.ts';
import type {
  AskedBecause,
  Claim,
  ConflictOutcome,
  Decider,
  Decision,
} from '../domain/conflict.ts';
import type { ConflictRule } from '../domain/resource.ts';
import type { Database } from './database.ts';
import type { ConnectionKey } from './sync.ts';

/** A conflict as it is shown to people. */
export interface StoredConflict {
  id: string;
  bookingId: string;
  resourceId: string;
  connectionId: string;
  rootId: string;
  changeId: string;
  state: 'open' | 'settled';
  rule: ConflictRule;
  askedBecause: AskedBecause | null;
  onDeadline: 'keep-ours' | 'keep-theirs';
  deadlineAt: Date | null;
  ours: Partial<Claim>;
  theirs: Partial<Claim>;
  decision: Decision | null;
  decidedBy: Decider | null;
  decidedByWhom: string | null;
  decidedAt: Date | null;
  outcome: ConflictOutcome | null;
  startAt: Date;
  endAt: Date;
  foundAt: Date;
  settledAt: Date | null;
  /** `<found_at in µs>_<id>`: where the next page of a list goes on. */
  position: string;
}

const SHOWN = `
  SELECT k.id, k.booking_id AS "bookingId", b.resource_id AS "resourceId",
    k.connection_id AS "connectionId", k.root_id AS "rootId", k.change_id AS "changeId", k.state, k.rule,
    k.asked_because AS "askedBecause", k.on_deadline AS "onDeadline", k.deadline_at AS "deadlineAt",
    k.ours, k.theirs, k.decision, k.decided_by AS "decidedBy", k.decided_by_whom AS "decidedByWhom",
    k.decided_at AS "decidedAt", k.outcome, coalesce(lower(k.spans), b.start_at) AS "startAt",
    coalesce(upper(k.spans), b.end_at) AS "endAt", k.found_at AS "foundAt", k.settled_at AS "settledAt",
    (extract(epoch FROM k.found_at) * 1000000)::bigint || '_' || k.id AS position
  FROM conflict k JOIN booking b ON b.tenant_id = k.tenant_id AND b.id = k.booking_id`;

/** By when they were found; `after` is a `position`. */
export async function listConflicts(
  { pool }: Database,
  page: {
    tenantId: string;
    state: 'open' | 'settled' | undefined;
    resourceId: string | undefined;
    connectionId: string | undefined;
    bookingId: string | undefined;
    after: { foundUs: string; id: string } | null;
    limit: number;
  },
): Promise<StoredConflict[]> {
  const { rows } = await pool.query<StoredConflict>(
    `${SHOWN} WHERE k.tenant_id = $1 AND ($2::text IS NULL OR k.state = $2)
       AND ($3::text IS NULL OR b.resource_id = $3) AND ($4::text IS NULL OR k.connection_id = $4)
       AND ($5::text IS NULL OR k.booking_id = $5)
       AND ($6::bigint IS NULL OR
            (k.found_at, k.id) > ('epoch'::timestamptz + $6::bigint * interval '1 us', $7))
     ORDER BY k.found_at, k.id LIMIT $8`,
    [
      page.tenantId,
      page.state ?? null,
      page.resourceId ?? null,
      page.connectionId ?? null,
      page.bookingId ?? null,
      page.after?.foundUs ?? null,
      page.after?.id ?? '',
      page.limit,
    ],
  );
  return rows;
}

export async function findConflict(
  { pool }: Database,
  { tenantId, conflictId }: { tenantId: string; conflictId: string },
): Promise<StoredConflict | null> {
  const { rows } = await pool.query<StoredConflict>(
    `${SHOWN} WHERE k.tenant_id = $1 AND k.id = $2`,
    [tenantId, conflictId],
  );
  return rows[0] ?? null;
}

/** Those that there are, in no order. */
export async function conflictsById(
  { pool }: Database,
  { tenantId, ids }: { tenantId: string; ids: readonly string[] },
): Promise<StoredConflict[]> {
  const { rows } = await pool.query<StoredConflict>(
    `${SHOWN} WHERE k.tenant_id = $1 AND k.id = ANY ($2::text[])`,
    [tenantId, ids],
  );
  return rows;
}

export async function conflictsOfBooking(
  { pool }: Database,
  { tenantId, bookingId }: BookingRef,
): Promise<StoredConflict[]> {
  const { rows } = await pool.query<StoredConflict>(
    `${SHOWN} WHERE k.tenant_id = $1 AND k.booking_id = $2 ORDER BY k.found_at, k.id`,
    [tenantId, bookingId],
  );
  return rows;
}

/** All that a conflict's workflow is started with. */
export const startOf = (
  tenantId: string,
  row: Pick<StoredConflict, 'bookingId' | 'changeId' | 'connectionId' | 'rootId'>,
): StartChange & { kind: 'conflict' } => ({
  tenantId,
  bookingId: row.bookingId,
  changeId: row.changeId,
  reason: 'conflict',
  kind: 'conflict',
  ask: { connectionId: row.connectionId, rootId: row.rootId },
});

export interface ConflictToTell {
  change: StartChange & { kind: 'conflict' };
  news: number;
}

const TO_TELL = `
  SELECT k.tenant_id AS "tenantId", k.booking_id AS "bookingId", k.change_id AS "changeId",
    k.connection_id AS "connectionId", k.root_id AS "rootId", k.news
  FROM conflict k JOIN connection c ON c.tenant_id = k.tenant_id AND c.id = k.connection_id`;

type ToTell = Pick<StoredConflict, 'bookingId' | 'changeId' | 'connectionId' | 'rootId'> & {
  tenantId: string;
  news: number;
};

const told = (rows: ToTell[]): ConflictToTell[] =>
  rows.map((row) => ({ change: startOf(row.tenantId, row), news: row.news }));

/** Of one connection: what its workflows have not heard of. */
export async function conflictsOfPass(
  pool: pg.Pool,
  key: ConnectionKey,
  limit: number,
): Promise<ConflictToTell[]> {
  const { rows } = await pool.query<ToTell>(
    `${TO_TELL} WHERE k.tenant_id = $1 AND k.connection_id = $2 AND k.told < k.news
     ORDER BY k.found_at LIMIT $3`,
    [key.tenantId, key.connectionId, limit],
  );
  return told(rows);
}

/**
 * What nobody told a workflow, and open ones that were told of long ago: their run may be gone. None
 * in the middle of a pass, which may yet be too much at once.
 */
export async function conflictsToTell(
  pool: pg.Pool,
  options: { againAfterMs: number; limit: number },
): Promise<ConflictToTell[]> {
  const { rows } = await pool.query<ToTell>(
    `${TO_TELL} WHERE (k.told < k.news OR k.state = 'open')
       AND (k.told < k.news AND (c.checkpoint IS NULL OR c.disconnected_at IS NOT NULL)
         OR k.told_at < clock_timestamp() - $1 * interval '1 millisecond')
     ORDER BY k.told_at NULLS FIRST LIMIT $2`,
    [options.againAfterMs, options.limit],
  );
  return told(rows);
}

export async function conflictTold(pool: pg.Pool, { change, news }: ConflictToTell): Promise<void> {
  await pool.query(
    `UPDATE conflict SET told = greatest(told, $4), told_at = clock_timestamp()
      WHERE tenant_id = $1 AND booking_id = $2 AND change_id = $3`,
    [change.tenantId, change.bookingId, change.changeId, news],
  );
}

/** Where and for whom a booking is, with the buffers that it took; null when it takes nothing. */
export async function spanOfBooking(
  pool: pg.Pool,
  { tenantId, bookingId }: BookingRef,
): Promise<Omit<RescheduleAsk, 'quoteId' | 'payment'> | null> {
  const { rows } = await pool.query<
    Omit<RescheduleAsk, 'quoteId' | 'payment' | 'startAt' | 'endAt'> & {
      startAt: Date;
      endAt: Date;
    }
  >(
    `SELECT b.start_at AS "startAt", b.end_at AS "endAt", b.session_id AS "sessionId", b.party,
       b.amount_minor::float8 AS "amountMinor", b.currency,
       date_part('epoch', b.start_at - lower(o.span)) * 1000 AS "bufferBeforeMs",
       date_part('epoch', upper(o.span) - b.end_at) * 1000 AS "bufferAfterMs"
      FROM booking b JOIN occupancy o ON o.tenant_id = b.tenant_id AND o.booking_id = b.id
        AND o.resource_id = b.resource_id AND o.live AND o.change_id IS NULL
     WHERE b.tenant_id = $1 AND b.id = $2 LIMIT 1`,
    [tenantId, bookingId],
  );
  const row = rows[0];
  if (!row) return null;
  return { ...row, startAt: row.startAt.toISOString(), endAt: row.endAt.toISOString() };
}
