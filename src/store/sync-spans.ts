import { ANY_UNIT } from '../domain/units.ts';
import type { Rename } from '../domain/renames.ts';
import { findConflicts } from './conflicts.ts';
import type { Queryable } from './database.ts';
import type { ConnectionKey } from './sync.ts';

/** What a page's busy time means for what is booked, inside the caller's transaction. */

/**
 * An outside span over a live hold contests it, and over a confirmed booking is a conflict. Each is
 * written in the transaction that brought the span, and decided after it.
 */
export async function flagOverlaps(client: Queryable, flagging: Flagging): Promise<void> {
  const { tenantId, connectionId, place, rootIds } = flagging;
  const ids = [tenantId, connectionId, place.resourceId];
  const direct = await client.query<Overlap>(OVERLAPS, [...ids, rootIds]);
  const crowding = await client.query<Overlap>(TOO_MANY, [...ids, rootIds]);
  const elsewhere = await overlapsElsewhere(client, flagging);
  const found: Overlap[] = [];
  for (const overlap of [...direct.rows, ...crowding.rows, ...elsewhere]) {
    // What looks like a copy of the hold itself must not end it: a person has to look.
    if (overlap.confirmed || (await isOwnCopy(client, flagging, overlap))) found.push(overlap);
    else await contestHold(client, flagging, overlap);
  }
  await findConflicts(client, { tenantId, connectionId, found });
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
  /** What the connection speaks of; which unit of it, each span tells. */
  place: { resourceId: string };
  rootIds: readonly string[];
}

interface Overlap {
  bookingId: string;
  rootId: string;
  confirmed: boolean;
}

/**
 * What of ours lies under the spans beside the resource's own units: places of its sessions, and its
 * parts, which any outside time of the whole takes. Whoever moves a booking of a part holds the
 * whole's lock too.
 */
async function overlapsElsewhere(
  client: Queryable,
  { tenantId, connectionId, place, rootIds }: Flagging,
): Promise<Overlap[]> {
  const { resourceId } = place;
  const { rows } = await client.query<{ sellsPlaces: boolean; parts: string[] }>(
    `SELECT settings->>'soldBy' = 'session' AS "sellsPlaces",
       CASE WHEN linked THEN ARRAY(SELECT parts_below($1, $2)) ELSE '{}' END AS parts
     FROM resource WHERE tenant_id = $1 AND id = $2`,
    [tenantId, resourceId],
  );
  const found: Overlap[] = [];
  for (const [places, query] of [
    [rows[0]?.sellsPlaces ? [resourceId] : [], OVER_PLACES],
    [rows[0]?.parts ?? [], OVER_PARTS],
  ] as const)
    for (const id of places)
      found.push(
        ...(await client.query<Overlap>(query, [tenantId, connectionId, id, rootIds])).rows,
      );
  return found;
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
         AND unit > 0 AND span && (SELECT tstzrange(min(start_at), max(end_at)) FROM busy WHERE ${theirs}))
    OFFSET 0)`;
};

// An entry inside what its platform was served only before may be that platform's own sale: it is
// published to nobody for a while, but sells nothing twice unseen.
const NO_ECHO = `NOT EXISTS (SELECT FROM echo e WHERE e.tenant_id = $1 AND e.connection_id = $2
      AND e.root_id = b.root_id AND e.gone_since IS NULL)`;

const overlapsWhere = (takes: string): string => `
  SELECT DISTINCT ON (o.booking_id, b.root_id) o.booking_id AS "bookingId", b.root_id AS "rootId",
    o.confirmed_at IS NOT NULL AS confirmed
  FROM ${spansOverOurs('$4')} b CROSS JOIN LATERAL (
    SELECT booking_id, unit, confirmed_at, contested_at FROM occupancy
     WHERE tenant_id = $1 AND resource_id = $3 AND live AND unit > 0
       AND span && tstzrange(b.start_at, b.end_at)
    OFFSET 0) o
  WHERE ${takes}
    AND (o.confirmed_at IS NOT NULL OR o.contested_at IS NULL)
    AND ${NO_ECHO}
  ORDER BY o.booking_id, b.root_id`;

const OVERLAPS = overlapsWhere(
  `(b.unit IS NULL OR o.unit = b.unit) AND b.unit IS DISTINCT FROM ${ANY_UNIT}`,
);

/** `$3` is a part of what the connection speaks of. */
const OVER_PARTS = overlapsWhere('true');

const OVER_PLACES = `
  SELECT DISTINCT ON (o.booking_id, b.root_id) o.booking_id AS "bookingId", b.root_id AS "rootId",
    o.confirmed_at IS NOT NULL AS confirmed
  FROM busy b
    JOIN session s ON s.tenant_id = $1 AND s.resource_id = $3 AND s.taken > 0
      AND s.start_at < b.end_at AND s.end_at > b.start_at
    JOIN occupancy o ON o.tenant_id = $1 AND o.session_id = s.id AND o.live AND o.unit = 0
  WHERE b.tenant_id = $1 AND b.connection_id = $2 AND b.root_id = ANY ($4::text[]) AND NOT b.stale
    AND (o.confirmed_at IS NOT NULL OR o.contested_at IS NULL)
    AND ${NO_ECHO}
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
     WHERE tenant_id = $1 AND resource_id = $3 AND live AND unit > 0 AND span @> m.at
       AND (confirmed_at IS NOT NULL OR expires_at > clock_timestamp())
     ORDER BY confirmed_at IS NOT NULL, coalesce(confirmed_at, held_at) DESC, booking_id DESC, unit LIMIT m.excess) o
  WHERE b.unit IS NOT NULL AND (o.confirmed OR o.contested_at IS NULL)
    AND EXISTS (SELECT FROM connection c WHERE c.tenant_id = $1 AND c.resource_id = $3
      AND c.disconnected_at IS NULL AND c.settings->>'takes' = 'unit')
    AND ${NO_ECHO}
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
