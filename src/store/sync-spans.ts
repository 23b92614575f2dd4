import { ANY_UNIT } from '../domain/availability.ts';
import type { Interval } from '../domain/interval.ts';
import type { Rename } from '../domain/renames.ts';
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
  const { rows } = await client.query<{ rootId: string }>(
    `SELECT DISTINCT root_id AS "rootId" FROM busy
      WHERE tenant_id = $1 AND connection_id = $2 AND root_id = ANY ($3::text[])`,
    [tenantId, connectionId, plan.series.map((one) => one.rootId)],
  );
  const kept = new Set(rows.map((one) => one.rootId));
  const changed = new Set(changedRoots);
  const brought = await bringSpans(
    client,
    page,
    plan.series.filter((one) => !kept.has(one.rootId)),
  );
  const isAhead = ({ rootId, endAt }: Span): boolean =>
    endAt > pass.passStartedAt && endAt < (pass.expandedUntilAt ?? 0) && !changed.has(rootId);
  const moved = await moveSpans(
    client,
    page,
    plan.series.filter((one) => kept.has(one.rootId)),
  );
  return [...brought, ...moved].filter(isAhead).length;
}

type Series = SeriesToApply['plan']['series'];
interface Span {
  rootId: string;
  endAt: number;
}

/** Of series that have no span yet, which is most of what a calendar read for the first time says. */
async function bringSpans(client: Queryable, page: SeriesToApply, series: Series): Promise<Span[]> {
  const { tenantId, connectionId, pass } = page;
  const spans = spansOf(series);
  if (spans.length > 0)
    await client.query(
      `INSERT INTO busy (tenant_id, connection_id, resource_id, unit, root_id, start_at, end_at)
       SELECT $1, $2, $3, ${placeOf('$4')}, root, start_at, end_at
         FROM unnest($5::text[], $6::timestamptz[], $7::timestamptz[]) AS s(root, start_at, end_at)`,
      [tenantId, connectionId, pass.resourceId, pass.unit, ...columnsOf(spans)],
    );
  return spans;
}

/** Answers the spans that are new and those that are stale now. */
async function moveSpans(client: Queryable, page: SeriesToApply, series: Series): Promise<Span[]> {
  const { tenantId, connectionId, pass } = page;
  if (series.length === 0) return [];
  const columns = columnsOf(spansOf(series));
  const made = await client.query<Returned>(
    `INSERT INTO busy (tenant_id, connection_id, resource_id, unit, root_id, start_at, end_at)
     SELECT $1, $2, $3, ${placeOf('$4')}, root, start_at, end_at
       FROM unnest($5::text[], $6::timestamptz[], $7::timestamptz[]) AS s(root, start_at, end_at)
     ON CONFLICT (tenant_id, connection_id, root_id, start_at, end_at)
       DO UPDATE SET stale = false WHERE busy.stale
     RETURNING root_id AS "rootId", end_at AS "endAt"`,
    [tenantId, connectionId, pass.resourceId, pass.unit, ...columns],
  );
  const ended = await client.query<Returned>(
    `UPDATE busy SET stale = true
      WHERE tenant_id = $1 AND connection_id = $2 AND root_id = ANY ($3::text[]) AND NOT stale
        -- As a list: joined, each span would be compared with each.
        AND (root_id, start_at, end_at) NOT IN (
          SELECT * FROM unnest($4::text[], $5::timestamptz[], $6::timestamptz[]))
     RETURNING root_id AS "rootId", end_at AS "endAt"`,
    [tenantId, connectionId, series.map((one) => one.rootId), ...columns],
  );
  return [...made.rows, ...ended.rows].map((one) => ({ ...one, endAt: one.endAt.getTime() }));
}

interface Returned {
  rootId: string;
  endAt: Date;
}

/** What a span of the connection takes, as its settings say at this very moment. */
const placeOf = (unit: string): string =>
  `coalesce(${unit}::integer, (SELECT ${ANY_UNIT} FROM connection c WHERE c.tenant_id = $1
     AND c.id = $2 AND c.settings->>'takes' = 'unit'))`;

const spansOf = (series: Series): (Span & Interval)[] =>
  series.flatMap(({ rootId, spans }) => spans.map((span) => ({ rootId, ...span })));

/** Three arrays: series, start and end of every span. */
const columnsOf = (spans: readonly (Span & Interval)[]): [string[], string[], string[]] => [
  spans.map((one) => one.rootId),
  spans.map((one) => new Date(one.startAt).toISOString()),
  spans.map((one) => new Date(one.endAt).toISOString()),
];

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

/** A feed that names its entries anew at every listing is no new conflict each time. */
export async function renameConflicts(
  client: Queryable,
  { tenantId, connectionId, renames }: ConnectionKey & { renames: readonly Rename[] },
): Promise<void> {
  if (renames.length === 0) return;
  await client.query(
    `UPDATE conflict k SET root_id = r.to_id FROM unnest($3::text[], $4::text[]) AS r(from_id, to_id)
      WHERE k.tenant_id = $1 AND k.connection_id = $2 AND k.root_id = r.from_id
        AND NOT EXISTS (SELECT FROM conflict o WHERE o.tenant_id = $1 AND o.connection_id = $2
          AND o.booking_id = k.booking_id AND o.root_id = r.to_id)`,
    [tenantId, connectionId, renames.map((one) => one.fromId), renames.map((one) => one.toId)],
  );
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

// Of the series' spans, those in which anything of ours lies: looked up in one sorted set, for a join
// may compare each span with each booking. `OFFSET 0` keeps it from becoming one.
const spansOverOurs = (rootIds: string): string => {
  const theirs = `tenant_id = $1 AND connection_id = $2 AND root_id = ANY (${rootIds}::text[])
    AND NOT stale`;
  return `(
    SELECT root_id, start_at, end_at, unit FROM busy
     WHERE ${theirs} AND tstzrange(start_at, end_at) && (
       SELECT range_agg(span) FROM occupancy WHERE tenant_id = $1 AND resource_id = $3 AND live
         AND span && (SELECT tstzrange(min(start_at), max(end_at)) FROM busy WHERE ${theirs}))
    OFFSET 0)`;
};

// An entry inside what its platform was served only before may be that platform's own sale: it is
// published to nobody for a while, but sells nothing twice unseen.
const NO_ECHO = `NOT EXISTS (SELECT FROM echo e WHERE e.tenant_id = $1 AND e.connection_id = $2
      AND e.root_id = b.root_id AND e.gone_since IS NULL)`;

const OVERLAPS = `
  SELECT DISTINCT ON (o.booking_id, b.root_id) o.booking_id AS "bookingId", b.root_id AS "rootId",
    o.confirmed_at IS NOT NULL AS confirmed
  FROM ${spansOverOurs('$5')} b JOIN occupancy o ON o.tenant_id = $1 AND o.resource_id = $3
    AND o.live AND o.span && tstzrange(b.start_at, b.end_at)
  WHERE ($4::integer IS NULL OR o.unit = $4) AND b.unit IS DISTINCT FROM ${ANY_UNIT}
    AND (o.confirmed_at IS NOT NULL OR o.contested_at IS NULL)
    AND ${NO_ECHO}
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
  FROM ${spansOverOurs('$4')} b CROSS JOIN LATERAL too_many($1, $3, b.start_at, b.end_at) m
  CROSS JOIN LATERAL (
    SELECT booking_id, confirmed_at IS NOT NULL AS confirmed, contested_at FROM occupancy
     WHERE tenant_id = $1 AND resource_id = $3 AND live AND span @> m.at
       AND (confirmed_at IS NOT NULL OR expires_at > clock_timestamp())
     ORDER BY confirmed_at IS NOT NULL, held_at DESC, booking_id, unit LIMIT m.excess) o
  WHERE b.unit IS NOT NULL AND (o.confirmed OR o.contested_at IS NULL)
    AND EXISTS (SELECT FROM connection c WHERE c.tenant_id = $1 AND c.resource_id = $3
      AND c.disconnected_at IS NULL AND c.settings->>'takes' = 'unit')
    AND ${NO_ECHO}
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
