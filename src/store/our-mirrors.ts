import type pg from 'pg';
import type { NeutralEvent } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';
import { subjectOfMarker } from '../domain/mirror.ts';
import { isMarkerOf } from './mirror-marker.ts';
import type { ConnectionKey } from './sync.ts';

/**
 * What of a page is ours: an event by the native id or UID of a mirror of this connection, or one
 * whose marker proves booking and span. All else is outside, whatever it carries.
 */
export interface OurMirrors {
  tenantId: string;
  /** Keys the markers; null where no event carries one. */
  markerKey: Buffer | null;
  nativeIds: ReadonlySet<string>;
  uids: ReadonlySet<string>;
  /** Of the subjects that markers name: those that take the place this connection speaks of. */
  subjects: ReadonlySet<string>;
}

export interface OursAsked {
  resourceId: string;
  unit: number | null;
  events: readonly NeutralEvent[];
  /** Whether we write to this calendar; else no event of it can be a mirror by its id. */
  writable: boolean;
}

export async function ourMirrors(
  pool: pg.Pool,
  key: ConnectionKey,
  { resourceId, unit, events, writable }: OursAsked,
): Promise<OurMirrors> {
  const subjects = [
    ...new Set(events.flatMap(({ marker }) => (marker === null ? [] : subjectOfMarker(marker)))),
  ];
  const named = writable ? await namedMirrors(pool, key, events) : NONE_NAMED;
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
  if (uid !== null && ours.uids.has(uid)) return true;
  if (marker === null || !ours.markerKey || !ours.subjects.has(subjectOfMarker(marker)))
    return false;
  const span = spanOf(event);
  return span !== null && isMarkerOf(ours.markerKey, marker, { tenantId: ours.tenantId, ...span });
}

export async function markerKeyOf(pool: pg.Pool, tenantId: string): Promise<Buffer> {
  const { rows } = await pool.query<{ key: Buffer }>(
    `SELECT fingerprint_key AS key FROM tenant WHERE id = $1`,
    [tenantId],
  );
  return rows[0]!.key;
}

const NONE_NAMED = { nativeIds: new Set<string>(), uids: new Set<string>() };

async function namedMirrors(
  pool: pg.Pool,
  key: ConnectionKey,
  events: readonly NeutralEvent[],
): Promise<Pick<OurMirrors, 'nativeIds' | 'uids'>> {
  if (events.length === 0) return NONE_NAMED;
  const { rows } = await pool.query<{ nativeId: string | null; uid: string | null }>(NAMED, [
    key.tenantId,
    key.connectionId,
    events.map((event) => event.nativeId),
    events.flatMap(({ uid }) => uid ?? []),
  ]);
  return {
    nativeIds: new Set(rows.flatMap(({ nativeId }) => nativeId ?? [])),
    uids: new Set(rows.flatMap(({ uid }) => uid ?? [])),
  };
}

const NAMED = `
  SELECT native_id AS "nativeId", NULL AS uid FROM mirror
   WHERE tenant_id = $1 AND connection_id = $2 AND native_id = ANY ($3::text[])
  UNION ALL
  SELECT NULL, copy->>'uid' FROM mirror
   WHERE tenant_id = $1 AND connection_id = $2 AND copy->>'uid' = ANY ($4::text[])`;

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
