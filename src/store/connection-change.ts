import { ANY_UNIT } from '../domain/units.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { ConnectionSettings } from '../domain/connection.ts';
import { transaction, type Database, type Queryable } from './database.ts';
import { findConnection, type ConnectionRef, type StoredConnection } from './connections.ts';
import { flagOverlaps } from './sync-spans.ts';

export interface ConnectionChange {
  settings: Partial<ConnectionSettings>;
  /** Null is the whole resource; what is left out stays. */
  unit?: number | null;
}

export type ConnectionChanged =
  | { kind: 'changed'; connection: StoredConnection }
  | { kind: 'missing' }
  | { kind: 'no-such-unit' }
  | { kind: 'already-connected'; connectionId: string };

interface Standing {
  resourceId: string;
  unit: number | null;
  accountId: string;
  calendarId: string;
  settings: Partial<ConnectionSettings>;
  capacity: number;
}

/** As long as other ordinary changes wait; a page of the connection may be at work. */
const LOCK_TIMEOUT_MS = 10_000;

/**
 * Changes what a connection goes by, with one entry. What its events take follows at once: a hold may
 * come before the next pass, and what of ours they lie over now is contested or in conflict.
 * `allows` looks at the settings as they would be, and refuses by throwing.
 */
export async function changeConnection(
  { database, allows }: { database: Database; allows: (next: ConnectionSettings) => void },
  ref: ConnectionRef,
  patch: ConnectionChange,
): Promise<ConnectionChanged> {
  const done = await transaction(database.pool, async (client) => {
    const now = await alone(client, ref);
    if (!now) return { kind: 'missing' as const };
    const before = { ...DEFAULT_CONNECTION_SETTINGS, ...now.settings };
    const settings = { ...before, ...patch.settings };
    allows(settings);
    const unit = patch.unit === undefined ? now.unit : patch.unit;
    if (unit !== now.unit) {
      if (unit !== null && unit > now.capacity) return { kind: 'no-such-unit' as const };
      const twin = await twinAt(client, ref, { ...now, unit });
      if (twin !== null) return { kind: 'already-connected' as const, connectionId: twin };
    }
    await client.query(CHANGE, [ref.tenantId, ref.connectionId, unit, JSON.stringify(settings)]);
    const hasMoved = unit !== now.unit || settings.takes !== before.takes;
    if (hasMoved) await moveBusy(client, ref, { resourceId: now.resourceId, unit, settings });
    const isShownElse = settings.mirror !== before.mirror;
    if (isShownElse || unit !== now.unit || settings.mirrorHolds !== before.mirrorHolds)
      await client.query('SELECT wish_mirrors($1, $2, $3)', [
        ref.tenantId,
        ref.connectionId,
        isShownElse,
      ]);
    return { kind: 'done' as const };
  });
  if (done.kind !== 'done') return done;
  const connection = await findConnection(database, ref);
  return connection ? { kind: 'changed', connection } : { kind: 'missing' };
}

/** Has the resource alone: what its other calendars and holds do meanwhile is seen, or sees this. */
async function alone(client: Queryable, ref: ConnectionRef): Promise<Standing | null> {
  const ids = [ref.tenantId, ref.connectionId];
  await client.query(`SELECT set_config('lock_timeout', $1, true)`, [String(LOCK_TIMEOUT_MS)]);
  await client.query(
    `SELECT lock_resource(tenant_id, resource_id, true) FROM connection
      WHERE tenant_id = $1 AND id = $2`,
    ids,
  );
  await client.query('SELECT lock_connection($1, $2)', ids);
  const { rows } = await client.query<Standing>(
    `SELECT c.resource_id AS "resourceId", c.unit, c.account_id AS "accountId",
       c.calendar_id AS "calendarId", c.settings, r.capacity
     FROM connection c JOIN resource r ON r.tenant_id = c.tenant_id AND r.id = c.resource_id
     WHERE c.tenant_id = $1 AND c.id = $2 AND c.disconnected_at IS NULL`,
    ids,
  );
  return rows[0] ?? null;
}

/** The connection that has this calendar at this place already. */
async function twinAt(
  client: Queryable,
  { tenantId, connectionId }: ConnectionRef,
  { resourceId, unit, accountId, calendarId }: Standing,
): Promise<string | null> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM connection WHERE tenant_id = $1 AND resource_id = $3 AND account_id = $4
       AND calendar_id = $5 AND unit IS NOT DISTINCT FROM $6::integer AND id <> $2
       AND disconnected_at IS NULL`,
    [tenantId, connectionId, resourceId, accountId, calendarId, unit],
  );
  return rows[0]?.id ?? null;
}

const CHANGE = `
  WITH changed AS (
    UPDATE connection SET unit = $3, settings = $4::jsonb, seq = seq + 1
     WHERE tenant_id = $1 AND id = $2 RETURNING resource_id, channel, unit, settings, seq
  ) SELECT append_entry($1, 'connection/' || $2, seq, 'connection.settings-changed',
      jsonb_build_object('resourceId', resource_id, 'channel', channel, 'unit', unit,
        'settings', settings)) FROM changed`;

async function moveBusy(
  client: Queryable,
  { tenantId, connectionId }: ConnectionRef,
  place: { resourceId: string; unit: number | null; settings: ConnectionSettings },
): Promise<void> {
  const takes = place.unit ?? (place.settings.takes === 'unit' ? ANY_UNIT : null);
  await client.query(
    'UPDATE busy SET unit = $3::integer WHERE tenant_id = $1 AND connection_id = $2',
    [tenantId, connectionId, takes],
  );
  const { rows } = await client.query<{ rootId: string }>(
    `SELECT DISTINCT root_id AS "rootId" FROM busy
      WHERE tenant_id = $1 AND connection_id = $2 AND NOT stale AND end_at > clock_timestamp()`,
    [tenantId, connectionId],
  );
  const rootIds = rows.map((row) => row.rootId);
  await flagOverlaps(client, { tenantId, connectionId, place, rootIds });
  await client.query('SELECT conflicts_left($1, $2)', [tenantId, connectionId]);
}
