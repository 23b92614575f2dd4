import type { Queryable } from './database.ts';
import type { AppliedPage, PageToApply, SeriesToApply } from './sync.ts';

/** The parts of applying a page that concern availability, inside the caller's transaction. */

/**
 * Writes the spans of each touched series by difference. What is no longer there turns stale and
 * goes with the pass's last page, so that availability is never freer in between.
 */
export async function applySpans(client: Queryable, page: SeriesToApply): Promise<void> {
  const { tenantId, connectionId, pass, plan } = page;
  if (plan.series.length === 0) return;
  const spans = columnsOf(page);
  await client.query(
    `INSERT INTO busy (tenant_id, connection_id, resource_id, unit, root_id, start_at, end_at)
     SELECT DISTINCT $1::text, $2::text, $3::text, $4::integer, root, start_at, end_at
       FROM unnest($5::text[], $6::timestamptz[], $7::timestamptz[]) AS s(root, start_at, end_at)
     ON CONFLICT (tenant_id, connection_id, root_id, start_at, end_at)
       DO UPDATE SET stale = false WHERE busy.stale`,
    [tenantId, connectionId, pass.resourceId, pass.unit, ...spans],
  );
  await client.query(
    `UPDATE busy b SET stale = true
      WHERE b.tenant_id = $1 AND b.connection_id = $2 AND b.root_id = ANY ($3) AND NOT b.stale
        AND NOT EXISTS (
          SELECT FROM unnest($4::text[], $5::timestamptz[], $6::timestamptz[]) AS s(root, start_at, end_at)
          WHERE s.root = b.root_id AND s.start_at = b.start_at AND s.end_at = b.end_at)`,
    [tenantId, connectionId, plan.series.map((one) => one.rootId), ...spans],
  );
}

/** Three arrays: series, start and end of every span of the plan. */
function columnsOf(page: SeriesToApply): [string[], Date[], Date[]] {
  const flat = page.plan.series.flatMap(({ rootId, spans }) =>
    spans.map((span) => ({ rootId, ...span })),
  );
  return [
    flat.map((one) => one.rootId),
    flat.map((one) => new Date(one.startAt)),
    flat.map((one) => new Date(one.endAt)),
  ];
}

/**
 * An outside span over a live hold contests it, and over a confirmed booking is a conflict that a
 * person has to settle. Each is written once, in the transaction that brought the span.
 */
export async function flagOverlaps(client: Queryable, page: SeriesToApply): Promise<void> {
  const { rows } = await client.query<Overlap>(OVERLAPS, [
    page.tenantId,
    page.connectionId,
    page.pass.resourceId,
    page.pass.unit,
    page.plan.series.map((one) => one.rootId),
  ]);
  for (const overlap of rows) {
    if (overlap.confirmed) await recordConflict(client, page, overlap);
    else await contestHold(client, page, overlap);
  }
}

interface Overlap {
  bookingId: string;
  rootId: string;
  confirmed: boolean;
}

const OVERLAPS = `
  SELECT DISTINCT ON (o.booking_id, b.root_id) o.booking_id AS "bookingId", b.root_id AS "rootId",
    o.confirmed_at IS NOT NULL AS confirmed
  FROM occupancy o JOIN busy b ON b.tenant_id = o.tenant_id AND b.resource_id = o.resource_id
    AND o.span && tstzrange(b.start_at, b.end_at)
  WHERE o.tenant_id = $1 AND b.connection_id = $2 AND o.resource_id = $3 AND o.live
    AND ($4::integer IS NULL OR o.unit = $4) AND b.root_id = ANY ($5) AND NOT b.stale
    AND (o.confirmed_at IS NOT NULL OR o.contested_at IS NULL)
    AND NOT EXISTS (SELECT FROM conflict k WHERE k.tenant_id = $1 AND k.booking_id = o.booking_id
      AND k.connection_id = $2 AND k.root_id = b.root_id)
  ORDER BY o.booking_id, b.root_id`;

async function recordConflict(
  client: Queryable,
  page: SeriesToApply,
  overlap: Overlap,
): Promise<void> {
  await client.query(
    `WITH found AS (
       INSERT INTO conflict (tenant_id, booking_id, connection_id, root_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING booking_id
     ), flagged AS (
       UPDATE booking SET attention = 'conflict', seq = seq + 1 FROM found
        WHERE tenant_id = $1 AND id = $2 RETURNING seq
     ) SELECT append_entry($1, 'booking/' || $2, seq, 'booking.conflict',
         jsonb_build_object('connectionId', $3::text)) FROM flagged`,
    [page.tenantId, overlap.bookingId, page.connectionId, overlap.rootId],
  );
}

async function contestHold(
  client: Queryable,
  page: SeriesToApply,
  overlap: Overlap,
): Promise<void> {
  await client.query(
    `WITH contested AS (
       UPDATE occupancy SET contested_at = clock_timestamp() WHERE tenant_id = $1 AND booking_id = $2
         AND live AND confirmed_at IS NULL AND contested_at IS NULL RETURNING booking_id
     ), moved AS (
       UPDATE booking SET seq = seq + 1 WHERE tenant_id = $1 AND id IN (SELECT booking_id FROM contested)
       RETURNING seq
     ) SELECT append_entry($1, 'booking/' || $2, seq, 'booking.contested',
         jsonb_build_object('connectionId', $3::text)) FROM moved`,
    [page.tenantId, overlap.bookingId, page.connectionId],
  );
}

/** Ends a pass: what was stale goes, and what absence said is kept or settled. */
export async function dropStale(client: Queryable, page: PageToApply): Promise<void> {
  const { tenantId, connectionId, verdict } = page;
  await client.query(`DELETE FROM busy WHERE tenant_id = $1 AND connection_id = $2 AND stale`, [
    tenantId,
    connectionId,
  ]);
  if (!page.fullPass) return;
  await client.query(`DELETE FROM pass_seen WHERE tenant_id = $1 AND connection_id = $2`, [
    tenantId,
    connectionId,
  ]);
  await client.query(
    `UPDATE channel_event SET missing_since =
       CASE WHEN native_id = ANY ($3) THEN coalesce(missing_since, clock_timestamp()) END
      WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
        AND (native_id = ANY ($3) OR missing_since IS NOT NULL)`,
    [tenantId, connectionId, verdict?.heldBack ?? []],
  );
}

/** One entry per change, and the position last. */
export async function closePass(client: Queryable, page: PageToApply): Promise<AppliedPage> {
  const { tenantId, connectionId, pass, plan, more, verdict } = page;
  const entries = [
    ...plan.writes.map((one) => ({ type: `event.${one.kind}`, nativeId: one.nativeId })),
    ...plan.removals.map((nativeId) => ({ type: 'event.removed', nativeId })),
  ];
  const applied: AppliedPage = {
    fromVersion: pass.cursorVersion,
    cursorVersion: pass.cursorVersion + 1,
    more,
    guarded: verdict?.guarded ?? false,
    added: plan.writes.filter((one) => one.kind === 'added').length,
    changed: plan.writes.filter((one) => one.kind === 'changed').length,
    removed: plan.removals.length,
    withheld: plan.writes.filter((one) => one.withheldReason !== null).length,
  };
  // What is held back keeps the copy from being confirmed, also in passes that list only changes.
  const heldBack = verdict ? verdict.heldBack.length > 0 : pass.missingSinceAt !== null;
  const complete = !more && !heldBack;
  const { rows } = await client.query<{ firstSeq: string }>(CLOSE_PASS, [
    tenantId,
    connectionId,
    page.cursor,
    page.checkpoint,
    more,
    page.fullPass,
    JSON.stringify(applied),
    complete ? new Date(pass.passStartedAt - page.ageMs) : null,
    page.expanded && new Date(page.expanded.untilAt),
    entries.length,
    page.timeZone,
    page.expanded?.with ?? null,
  ]);
  if (entries.length > 0)
    await client.query(
      `INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
       SELECT $1, (SELECT max(epoch) FROM journal_epoch), 'connection/' || $2, $3::bigint + n, e.type,
         jsonb_build_object('resourceId', $5::text, 'nativeId', e."nativeId", 'position', $6::bigint)
       FROM ROWS FROM (jsonb_to_recordset($4::jsonb) AS (type text, "nativeId" text))
         WITH ORDINALITY AS e(type, "nativeId", n)`,
      [
        tenantId,
        connectionId,
        rows[0]?.firstSeq ?? '0',
        JSON.stringify(entries),
        pass.resourceId,
        applied.cursorVersion,
      ],
    );
  return applied;
}

const CLOSE_PASS = `
  UPDATE connection SET
    cursor = CASE WHEN $5 THEN cursor ELSE $3 END, checkpoint = $4,
    cursor_version = cursor_version + 1,
    full_pass = $6 AND $5, last_page = $7::jsonb,
    confirmed_at = coalesce($8, confirmed_at),
    expanded_until = CASE WHEN $5 THEN expanded_until ELSE coalesce($9, expanded_until) END,
    expanded_with = CASE WHEN $5 THEN expanded_with ELSE coalesce($12, expanded_with) END,
    notified_at = CASE WHEN $5 OR dirty THEN notified_at END,
    time_zone = CASE WHEN $5 THEN time_zone ELSE coalesce($11, time_zone) END,
    seq = seq + $10
  WHERE tenant_id = $1 AND id = $2 RETURNING seq - $10 AS "firstSeq"`;
