import type pg from 'pg';
import type { NeutralEvent } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';
import { subjectOfMarker } from '../domain/mirror.ts';
import { isMarkerOf } from './mirror-marker.ts';
import type { ConnectionKey } from './sync.ts';

/**
 * What of a page is ours: the event at the native id or of the UID of a mirror of this connection; of
 * a mirror in another calendar of the place, whatever has its UID and its time (an invitation, an
 * exported feed); and one whose marker proves booking and span. All else is outside, whatever it
 * carries.
 */
export interface OurMirrors {
  tenantId: string;
  /** Keys the markers; null where no event carries one. */
  markerKey: Buffer | null;
  nativeIds: ReadonlySet<string>;
  /** The span that an event of a UID must have to be ours; null where any will do. */
  uids: ReadonlyMap<string, Interval | null>;
  /** Of the subjects that markers name: those that take the place this connection speaks of. */
  subjects: ReadonlySet<string>;
}

export interface OursAsked {
  resourceId: string;
  unit: number | null;
  events: readonly NeutralEvent[];
}

export async function ourMirrors(
  pool: pg.Pool,
  key: ConnectionKey,
  asked: OursAsked,
): Promise<OurMirrors> {
  const { resourceId, unit, events } = asked;
  const subjects = [
    ...new Set(events.flatMap(({ marker }) => (marker === null ? [] : subjectOfMarker(marker)))),
  ];
  const named = await namedMirrors(pool, key, asked);
  if (subjects.length === 0)
    return { tenantId: key.tenantId, markerKey: null, ...named, subjects: new Set() };
  const { rows } = await pool.query<{ id: string }>(TAKING_THE_PLACE, [
    key.tenantId,
    key.connectionId,
    resourceId,
    unit,
    subjects,
  ]);
  return {
    tenantId: key.tenantId,
    markerKey: await markerKeyOf(pool, key.tenantId),
    ...named,
    subjects: new Set(rows.map((row) => row.id)),
  };
}

/** `spanOf` answers the time of a single event, and null where it cannot be told. */
export function isOurMirror(
  ours: OurMirrors,
  event: NeutralEvent,
  spanOf: (event: NeutralEvent) => Interval | null,
): boolean {
  if (ours.nativeIds.has(event.nativeId)) return true;
  const { marker, uid } = event;
  if (event.seriesId !== null || event.recurrence.length > 0) return false;
  const byUid = uid === null ? undefined : ours.uids.get(uid);
  if (byUid === null) return true;
  const isNamed = marker !== null && ours.subjects.has(subjectOfMarker(marker));
  if (!byUid && !isNamed) return false;
  const span = spanOf(event);
  if (span === null) return false;
  if (byUid && byUid.startAt === span.startAt && byUid.endAt === span.endAt) return true;
  return (
    isNamed &&
    ours.markerKey !== null &&
    isMarkerOf(ours.markerKey, marker, { tenantId: ours.tenantId, ...span })
  );
}

export async function markerKeyOf(pool: pg.Pool, tenantId: string): Promise<Buffer> {
  const { rows } = await pool.query<{ key: Buffer }>(
    `SELECT fingerprint_key AS key FROM tenant WHERE id = $1`,
    [tenantId],
  );
  return rows[0]!.key;
}

type Named = Pick<OurMirrors, 'nativeIds' | 'uids'>;

async function namedMirrors(
  pool: pg.Pool,
  key: ConnectionKey,
  { resourceId, unit, events }: OursAsked,
): Promise<Named> {
  if (events.length === 0) return { nativeIds: new Set(), uids: new Map() };
  const { rows: calendars } = await pool.query<{ id: string }>(WITH_MIRRORS, [
    key.tenantId,
    resourceId,
  ]);
  // Most places are mirrored nowhere: then no id of a page has to be looked for.
  if (calendars.length === 0) return { nativeIds: new Set(), uids: new Map() };
  const { rows } = await pool.query<NamedRow>(NAMED, [
    key.tenantId,
    key.connectionId,
    events.map((event) => event.nativeId),
    events.flatMap(({ uid }) => uid ?? []),
    calendars.map((one) => one.id),
    unit,
    resourceId,
  ]);
  const spanOf = ({ isHere, startAt, endAt }: NamedRow): Interval | null =>
    isHere ? null : { startAt: startAt.getTime(), endAt: endAt.getTime() };
  return {
    nativeIds: new Set(rows.flatMap(({ nativeId }) => nativeId ?? [])),
    uids: new Map(rows.flatMap((row) => (row.uid === null ? [] : [[row.uid, spanOf(row)]]))),
  };
}

interface NamedRow {
  nativeId: string | null;
  uid: string | null;
  isHere: boolean;
  startAt: Date;
  endAt: Date;
}

const WITH_MIRRORS = `
  SELECT c.id FROM connection c WHERE c.tenant_id = $1 AND c.resource_id = $2 AND EXISTS (
    SELECT FROM mirror m WHERE m.tenant_id = c.tenant_id AND m.connection_id = c.id
      AND m.native_id IS NOT NULL)`;

// Those of this connection come last, so that they have the last word on a UID.
const NAMED = `
  SELECT native_id AS "nativeId", NULL AS uid, true AS "isHere", start_at AS "startAt", end_at AS "endAt"
    FROM mirror WHERE tenant_id = $1 AND connection_id = $2 AND native_id = ANY ($3::text[])
  UNION ALL (
    SELECT NULL, m.copy->>'uid', m.connection_id = $2, m.start_at, m.end_at FROM mirror m
     WHERE m.tenant_id = $1 AND m.connection_id = ANY ($5::text[]) AND m.copy->>'uid' = ANY ($4::text[])
       AND (m.connection_id = $2 OR $6::integer IS NULL
         OR EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = $1 AND o.booking_id = m.booking_id
             AND o.resource_id = $7 AND o.unit = $6)
         OR EXISTS (SELECT FROM block k WHERE k.tenant_id = $1 AND k.id = m.block_id
             AND coalesce(k.unit, $6) = $6))
     ORDER BY m.connection_id = $2)`;

const TAKING_THE_PLACE = `
  SELECT subject_id AS id FROM mirror
   WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = ANY ($5::text[])
  UNION
  SELECT booking_id FROM occupancy
   WHERE tenant_id = $1 AND resource_id = $3 AND ($4::integer IS NULL OR unit = $4)
     AND booking_id = ANY ($5::text[])
  UNION
  SELECT id FROM block
   WHERE tenant_id = $1 AND resource_id = $3
     AND ($4::integer IS NULL OR unit IS NULL OR unit = $4) AND id = ANY ($5::text[])`;
