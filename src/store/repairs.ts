import type pg from 'pg';
import type { Interval } from '../domain/interval.ts';
import { isRepair } from '../domain/repair.ts';
import type { Difference, ListingReason, RepairReason } from '../domain/repair.ts';
import { transaction } from './database.ts';
import type { ConnectionKey } from './sync.ts';

/** How a connection's copy was compared with its channel; instants in epoch milliseconds. */
export interface RepairState {
  listedAt: number | null;
  /** Of the pass under way, or the last one; null where it lists changes only. */
  listingFor: ListingReason | null;
  wanted: RepairReason | null;
  wantedAt: number | null;
  triedAt: number | null;
  comparedAt: number | null;
  /** What the first of two looks differed by. */
  differs: Difference | null;
}

/** The next pass is to list everything, as long as it comes soon. */
export async function wantListing(
  pool: pg.Pool,
  key: ConnectionKey,
  { reason, nowAt }: { reason: RepairReason; nowAt: number },
): Promise<void> {
  await pool.query(
    `UPDATE connection SET listing_wanted = $3, listing_wanted_at = $4::timestamptz
      WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, key.connectionId, reason, new Date(nowAt)],
  );
}

/** Keeps why a pass begins as it does, and takes the one try that a wanted listing has. */
export async function beginListing(
  pool: pg.Pool,
  key: ConnectionKey,
  { reason, nowAt }: { reason: ListingReason | null; nowAt: number },
): Promise<void> {
  await pool.query(
    `UPDATE connection SET listing_for = $3, listing_wanted = NULL,
       listing_tried_at = CASE WHEN $4 THEN $5::timestamptz ELSE listing_tried_at END
      WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, key.connectionId, reason, isRepair(reason), new Date(nowAt)],
  );
}

/** Keeps what a comparison found; null ends it, whether it found nothing or led to a listing. */
export async function keepComparison(
  pool: pg.Pool,
  key: ConnectionKey,
  { nowAt, differs }: { nowAt: number; differs: Difference | null },
): Promise<void> {
  await pool.query(
    `UPDATE connection SET compared_at = $3::timestamptz, compared_differs = $4::jsonb
      WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, key.connectionId, new Date(nowAt), differs && JSON.stringify(differs)],
  );
}

/** Says that the channel's own answer and our copy differ, twice in a row. */
export async function enterDifference(
  pool: pg.Pool,
  key: ConnectionKey,
  differs: Difference,
): Promise<void> {
  const data = { missing: differs.missing.length, extra: differs.extra.length };
  await pool.query(ENTER, [key.tenantId, key.connectionId, 'connection.differs', data]);
}

const ENTER = `
  WITH moved AS (
    UPDATE connection SET seq = seq + 1 WHERE tenant_id = $1 AND id = $2 RETURNING seq, resource_id
  ) SELECT append_entry($1, 'connection/' || $2, seq, $3,
      jsonb_build_object('resourceId', resource_id) || $4::jsonb) FROM moved`;

/** Busy spans of a connection within a window, and whether the channel must see each as well. */
export async function spansToCompare(
  pool: pg.Pool,
  key: ConnectionKey,
  window: Interval,
): Promise<{ busy: (Interval & { certain: boolean })[]; mirrors: Interval[] }> {
  const ids = [key.tenantId, key.connectionId, new Date(window.startAt), new Date(window.endAt)];
  const busy = await pool.query<SpanRow & { certain: boolean }>(BUSY, ids);
  const mirrors = await pool.query<SpanRow>(
    `SELECT start_at AS "startAt", end_at AS "endAt" FROM mirror
      WHERE tenant_id = $1 AND connection_id = $2 AND end_at > $3 AND start_at < $4`,
    ids,
  );
  return {
    busy: busy.rows.map((row) => ({ ...intervalOf(row), certain: row.certain })),
    mirrors: mirrors.rows.map(intervalOf),
  };
}

const BUSY = `
  SELECT b.start_at AS "startAt", b.end_at AS "endAt",
    b.root_id NOT IN (SELECT root_id FROM channel_event WHERE tenant_id = $1 AND connection_id = $2
      AND upper_inf(recorded) AND (withheld_reason IS NOT NULL OR missing_since IS NOT NULL))
      AS certain
  FROM busy b WHERE b.tenant_id = $1 AND b.connection_id = $2 AND NOT b.stale
    AND b.end_at > $3 AND b.start_at < $4`;

interface SpanRow {
  startAt: Date;
  endAt: Date;
}
const intervalOf = ({ startAt, endAt }: SpanRow): Interval => ({
  startAt: startAt.getTime(),
  endAt: endAt.getTime(),
});

/**
 * An operator keeps what the channel no longer lists: its absence begins anew, so that only a
 * complete listing at least one wait from now can end it. Answers how many entries are kept.
 */
export async function refuseRemovals(pool: pg.Pool, key: ConnectionKey): Promise<number> {
  return transaction(pool, async (client) => {
    const ids = [key.tenantId, key.connectionId];
    await client.query(`SELECT lock_connection($1, $2)`, ids);
    const { rowCount } = await client.query(
      `UPDATE channel_event SET missing_since = clock_timestamp()
        WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
          AND missing_since IS NOT NULL`,
      ids,
    );
    const kept = rowCount ?? 0;
    if (kept > 0) await client.query(ENTER, [...ids, 'connection.removals-refused', { kept }]);
    return kept;
  });
}
