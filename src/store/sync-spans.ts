import { ANY_UNIT } from '../domain/availability.ts';
import type { Queryable } from './database.ts';
import type { ConnectionKey, SeriesToApply } from './sync.ts';

/** The parts of applying a page that concern availability, inside the caller's transaction. */

/**
 * Writes the spans of each touched series by difference. What is no longer there turns stale and
 * goes with the pass's last page, so that availability is never freer in between. Answers how many
 * spans ahead differed, of those that had been expanded before and whose series did not change.
 */
export async function applySpans(
  client: Queryable,
  page: SeriesToApply,
  changedRoots: readonly string[],
): Promise<number> {
  const { tenantId, connectionId, pass, plan } = page;
  if (plan.series.length === 0) return 0;
  const spans = columnsOf(page);
  const edge = pass.expandedUntilAt === null ? null : new Date(pass.expandedUntilAt);
  const made = await client.query<{ count: number }>(
    `WITH made AS (
       INSERT INTO busy (tenant_id, connection_id, resource_id, unit, root_id, start_at, end_at)
       SELECT DISTINCT $1::text, $2::text, $3::text, ${placeOf('$4')}, root, start_at, end_at
         FROM unnest($5::text[], $6::timestamptz[], $7::timestamptz[]) AS s(root, start_at, end_at)
       ON CONFLICT (tenant_id, connection_id, root_id, start_at, end_at)
         DO UPDATE SET stale = false WHERE busy.stale
       RETURNING root_id, end_at
     ) SELECT count(*)::integer AS count FROM made WHERE end_at > clock_timestamp()
        AND end_at < $8::timestamptz AND root_id <> ALL ($9::text[])`,
    [tenantId, connectionId, pass.resourceId, pass.unit, ...spans, edge, changedRoots],
  );
  const ended = await client.query<{ count: number }>(
    `WITH ended AS (
       UPDATE busy b SET stale = true
        WHERE b.tenant_id = $1 AND b.connection_id = $2 AND b.root_id = ANY ($3) AND NOT b.stale
          AND (b.root_id, b.start_at, b.end_at) NOT IN (
            SELECT * FROM unnest($4::text[], $5::timestamptz[], $6::timestamptz[]))
       RETURNING root_id, end_at
     ) SELECT count(*)::integer AS count FROM ended WHERE end_at > clock_timestamp()
        AND end_at < $7::timestamptz AND root_id <> ALL ($8::text[])`,
    [tenantId, connectionId, plan.series.map((one) => one.rootId), ...spans, edge, changedRoots],
  );
  return (made.rows[0]?.count ?? 0) + (ended.rows[0]?.count ?? 0);
}

/** What a span of the connection takes, as its settings say at this very moment. */
const placeOf = (unit: string): string =>
  `coalesce(${unit}::integer, (SELECT ${ANY_UNIT} FROM connection c WHERE c.tenant_id = $1
     AND c.id = $2 AND c.settings->>'takes' = 'unit'))`;

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
export async function flagOverlaps(client: Queryable, flagging: Flagging): Promise<void> {
  const { tenantId, connectionId, place, rootIds } = flagging;
  const ids = [tenantId, connectionId, place.resourceId];
  const direct = await client.query<Overlap>(OVERLAPS, [...ids, place.unit, rootIds]);
  const crowding = await client.query<Overlap>(TOO_MANY, [...ids, rootIds]);
  for (const overlap of [...direct.rows, ...crowding.rows]) {
    // What looks like a copy of the hold itself must not end it: a person has to look.
    if (overlap.confirmed || (await isOwnCopy(client, flagging, overlap)))
      await recordConflict(client, flagging, overlap);
    else await contestHold(client, flagging, overlap);
  }
}

interface Flagging extends ConnectionKey {
  /** What the connection speaks of. */
  place: { resourceId: string; unit: number | null };
  rootIds: readonly string[];
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
    AND ($4::integer IS NULL OR o.unit = $4) AND b.unit IS DISTINCT FROM ${ANY_UNIT} AND b.root_id = ANY ($5) AND NOT b.stale
    AND (o.confirmed_at IS NOT NULL OR o.contested_at IS NULL)
    AND NOT is_echo($1, $2, b.root_id)
    AND NOT EXISTS (SELECT FROM conflict k WHERE k.tenant_id = $1 AND k.booking_id = o.booking_id
      AND k.connection_id = $2 AND k.root_id = b.root_id)
  ORDER BY o.booking_id, b.root_id`;

/**
 * What would not have been sold, had the spans been known that take any one unit: at each moment at
 * which more is taken than there are units, as many of the youngest as are too many, holds first.
 */
const TOO_MANY = `
  SELECT DISTINCT ON (o.booking_id, b.root_id) o.booking_id AS "bookingId", b.root_id AS "rootId",
    o.confirmed
  FROM busy b CROSS JOIN LATERAL too_many($1, $3, b.start_at, b.end_at) m
  CROSS JOIN LATERAL (
    SELECT booking_id, confirmed_at IS NOT NULL AS confirmed, contested_at FROM occupancy
     WHERE tenant_id = $1 AND resource_id = $3 AND live AND span @> m.at
     ORDER BY confirmed_at IS NOT NULL, held_at DESC, booking_id, unit LIMIT m.excess) o
  WHERE b.tenant_id = $1 AND b.connection_id = $2 AND b.root_id = ANY ($4) AND NOT b.stale
    AND b.unit IS NOT NULL AND (o.confirmed OR o.contested_at IS NULL)
    AND EXISTS (SELECT FROM connection c WHERE c.tenant_id = $1 AND c.resource_id = $3
      AND c.disconnected_at IS NULL AND c.settings->>'takes' = 'unit')
    AND NOT is_echo($1, $2, b.root_id)
    AND NOT EXISTS (SELECT FROM conflict k WHERE k.tenant_id = $1 AND k.booking_id = o.booking_id
      AND k.connection_id = $2 AND k.root_id = b.root_id)
  ORDER BY o.booking_id, b.root_id`;

/** Whether the outside entry takes exactly the time of this booking, which is mirrored. */
async function isOwnCopy(
  client: Queryable,
  { tenantId, connectionId }: ConnectionKey,
  { bookingId, rootId }: Overlap,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM mirror m JOIN busy b ON b.start_at = m.start_at AND b.end_at = m.end_at
      WHERE m.tenant_id = $1 AND m.subject_id = $3 AND m.desired = 'present'
        AND b.tenant_id = $1 AND b.connection_id = $2 AND b.root_id = $4 AND NOT b.stale LIMIT 1`,
    [tenantId, connectionId, bookingId, rootId],
  );
  return rowCount === 1;
}

async function recordConflict(
  client: Queryable,
  { tenantId, connectionId }: ConnectionKey,
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
    [tenantId, overlap.bookingId, connectionId, overlap.rootId],
  );
}

async function contestHold(
  client: Queryable,
  { tenantId, connectionId }: ConnectionKey,
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
    [tenantId, overlap.bookingId, connectionId],
  );
}
