import type { AvailabilityFacts, Taken } from '../domain/availability.ts';
import type { ConnectionSettings } from '../domain/connection.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { ResourceSettings } from '../domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../domain/resource.ts';
import type { Database } from './database.ts';

/** All that an availability answer rests on, from one snapshot; instants in epoch milliseconds. */
export interface AvailabilityRead {
  facts: AvailabilityFacts;
  connections: ConnectionFreshness[];
  /** Entries that could not be fully understood and block what of them is. */
  withheld: number;
}

export interface ConnectionFreshness {
  id: string;
  channel: string;
  status: string;
  settings: ConnectionSettings;
  confirmedAt: number | null;
  watchedUntil: number | null;
  /** The interval in force between polls. */
  pollMs: number | null;
  knownUntil: number;
  /** The youngest entry of the feed; null when none came by a notification or poll yet. */
  newest: { visibleAt: number; notifiedAt: number | null; updatedAt: string | null } | null;
}

/**
 * One statement, hence one snapshot and one round trip. `busy_of_resource` (tenant, resource,
 * end_at; start_at and unit included) answers busy time without touching the table; occupancies come
 * by the exclusion's GiST index; the rest is a handful of rows by key. Spans are widened by the
 * resource's own buffers here, because only its row knows them (`OFFSET 0` keeps that
 * from being worked out again for every row). Unconfirmed holds that are over
 * count as free, as the hold itself treats them.
 */
const READ = `
SELECT r.time_zone AS "timeZone", r.capacity, r.settings,
  date_part('epoch', statement_timestamp()) * 1000 AS "nowAt",
  (SELECT json_agg(json_build_array(ms(b.start_at), ms(b.end_at), b.unit)) FROM busy b
    WHERE b.tenant_id = r.tenant_id AND b.resource_id = r.id
      AND b.end_at > w.from_at AND b.start_at < w.to_at) AS busy,
  (SELECT json_agg(json_build_array(ms(k.start_at), ms(k.end_at), k.unit)) FROM block k
    WHERE k.tenant_id = r.tenant_id AND k.resource_id = r.id AND k.removed_at IS NULL
      AND k.end_at > w.from_at AND k.start_at < w.to_at) AS blocks,
  (SELECT json_agg(json_build_array(ms(lower(o.span)), ms(upper(o.span)), o.unit)) FROM occupancy o
    WHERE o.tenant_id = r.tenant_id AND o.resource_id = r.id AND o.live
      AND o.span && tstzrange(w.from_at, w.to_at)
      AND (o.confirmed_at IS NOT NULL OR o.expires_at > statement_timestamp())) AS occupied,
  (SELECT json_agg(json_build_object('id', c.id, 'channel', c.channel, 'status', c.status,
        'settings', c.settings, 'confirmedAt', ms(c.confirmed_at),
        'watchedUntil', ms(c.watched_until), 'pollMs', c.poll_in_force_ms,
        'knownUntil', ms(c.known_until),
        'withheld', (SELECT count(*) FROM channel_event e WHERE e.tenant_id = c.tenant_id
           AND e.connection_id = c.id AND upper_inf(e.recorded) AND e.withheld_reason IS NOT NULL),
        'newest', (SELECT json_build_object('visibleAt', ms(lower(e.recorded)),
             'notifiedAt', ms(e.notified_at), 'updatedAt', e.event->>'updatedAt')
           FROM channel_event e WHERE e.tenant_id = c.tenant_id AND e.connection_id = c.id
            AND upper_inf(e.recorded) ORDER BY e.feed_position DESC LIMIT 1)) ORDER BY c.id)
     FROM (SELECT *, least(coalesce(expanded_until, created_at), covers_until) AS known_until
             FROM connection) c WHERE c.tenant_id = r.tenant_id AND c.resource_id = r.id
      AND c.disconnected_at IS NULL) AS connections
FROM resource r
CROSS JOIN LATERAL (SELECT
  $3::timestamptz - coalesce((r.settings->>'bufferBeforeMs')::float8, 0) * interval '1 ms' AS from_at,
  $4::timestamptz + coalesce((r.settings->>'bufferAfterMs')::float8, 0) * interval '1 ms' AS to_at
  OFFSET 0) w
WHERE r.tenant_id = $1 AND r.id = $2 AND r.archived_at IS NULL`.replaceAll(
  /\bms\(((?:[^()]|\([^()]*\))*)\)/g,
  "date_part('epoch', $1) * 1000",
);

interface Row {
  timeZone: string;
  capacity: number;
  settings: Partial<ResourceSettings>;
  nowAt: number;
  busy: Spans | null;
  blocks: Spans | null;
  occupied: Spans | null;
  connections:
    | (Omit<ConnectionFreshness, 'settings'> & {
        settings: Partial<ConnectionSettings>;
        withheld: number;
      })[]
    | null;
}

type Spans = [startAt: number, endAt: number, unit: number | null][];

/** Null when there is no such resource, or it is archived. Instants are RFC 3339, half-open. */
export async function readAvailability(
  database: Database,
  ask: { tenantId: string; resourceId: string; from: string; to: string },
): Promise<AvailabilityRead | null> {
  const { rows } = await database.pool.query<Row>({
    name: 'read-availability',
    text: READ,
    values: [ask.tenantId, ask.resourceId, ask.from, ask.to],
  });
  const row = rows[0];
  if (!row) return null;
  const connections = (row.connections ?? []).map((one) => ({
    ...one,
    settings: { ...DEFAULT_CONNECTION_SETTINGS, ...one.settings },
  }));
  const knownUntil = connections.map((one) => one.knownUntil);
  return {
    facts: {
      timeZone: row.timeZone,
      capacity: row.capacity,
      settings: { ...DEFAULT_RESOURCE_SETTINGS, ...row.settings },
      taken: [
        ...takenBy('busy', row.busy),
        ...takenBy('block', row.blocks),
        ...takenBy('occupancy', row.occupied),
      ],
      knownUntilAt: knownUntil.length === 0 ? null : Math.min(...knownUntil),
      nowAt: row.nowAt,
    },
    connections,
    withheld: connections.reduce((sum, one) => sum + one.withheld, 0),
  };
}

const takenBy = (by: Taken['by'], spans: Spans | null): Taken[] =>
  (spans ?? []).map(([startAt, endAt, unit]) => ({ startAt, endAt, unit, by }));
