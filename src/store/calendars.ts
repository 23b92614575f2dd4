import type pg from 'pg';
import type { Vault } from '../vault.ts';
import type { AccountKey } from './credentials.ts';
import type { Queryable } from './database.ts';
import { transaction } from './database.ts';

/** A calendar as its channel lists it now. */
export interface SeenCalendar {
  id: string;
  name: string;
  write: boolean;
  /** Null where the channel does not tell. */
  shared: boolean | null;
}

/** A calendar's name is a title: it is stored sealed, and stands in no entry. */
export interface NameSeal {
  seal: (connectionId: string, name: string) => Uint8Array;
  open: (connectionId: string, sealed: Uint8Array) => string;
}

/** Each is sealed for its own connection. */
export function nameSealOf(vault: Vault, tenantId: string): NameSeal {
  const place = (connectionId: string) =>
    [tenantId, 'connection.calendar_name', connectionId] as const;
  return {
    seal: (connectionId, name) => vault.seal(place(connectionId), name),
    open: (connectionId, sealed) => vault.open(place(connectionId), sealed),
  };
}

/** Takes the turn to look at an account's calendars, which it has once in this time. */
export async function takeCalendarCheck(
  pool: pg.Pool,
  key: AccountKey,
  { everyMs }: { everyMs: number },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE account SET calendars_checked_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2
       AND coalesce(calendars_checked_at, created_at)
         < clock_timestamp() - $3 * interval '1 millisecond'`,
    [key.tenantId, key.accountId, everyMs],
  );
  return rowCount === 1;
}

interface KnownCalendar {
  connectionId: string;
  calendarId: string;
  name: Buffer | null;
  shared: boolean | null;
  writable: boolean;
}

/**
 * Notes what an account's calendars are called and allow now, with an entry where it is another than
 * before. Answers the connections that may be written again.
 */
export async function noteCalendars(
  pool: pg.Pool,
  key: AccountKey,
  seen: { calendars: readonly SeenCalendar[]; names: NameSeal },
): Promise<string[]> {
  const { rows } = await pool.query<KnownCalendar>(
    `SELECT id AS "connectionId", calendar_id AS "calendarId", calendar_name AS name,
       calendar_shared AS shared, writable FROM connection
     WHERE tenant_id = $1 AND account_id = $2 AND disconnected_at IS NULL ORDER BY id`,
    [key.tenantId, key.accountId],
  );
  const freed: string[] = [];
  for (const known of rows) {
    const now = seen.calendars.find(({ id }) => id === known.calendarId);
    if (!now) continue;
    const { connectionId } = known;
    const name = known.name && seen.names.open(connectionId, known.name);
    const isRenamed = name !== now.name;
    if (!isRenamed && known.writable === now.write && known.shared === now.shared) continue;
    const sealed = isRenamed ? seen.names.seal(connectionId, now.name) : null;
    await transaction(pool, (client) =>
      noteOne(client, { key, known, now, sealed, isTold: isRenamed && name !== null }),
    );
    if (now.write && !known.writable) freed.push(connectionId);
  }
  return freed;
}

interface Note {
  key: AccountKey;
  known: KnownCalendar;
  now: SeenCalendar;
  sealed: Uint8Array | null;
  isTold: boolean;
}

async function noteOne(client: Queryable, { key, known, now, sealed, isTold }: Note) {
  const ids = [key.tenantId, known.connectionId];
  const isFreed = now.write && !known.writable;
  if (isFreed)
    await client.query(
      `SELECT lock_resource($1, resource_id, true) FROM connection WHERE tenant_id = $1 AND id = $2`,
      ids,
    );
  await client.query(`SELECT lock_connection($1, $2)`, ids);
  await client.query(NOTE, [...ids, sealed, now.shared, now.write, isTold]);
  // What was booked meanwhile is not there yet.
  if (isFreed) await client.query(`SELECT wish_mirrors($1, $2, false)`, ids);
}

const NOTE = `
  WITH before AS (
    SELECT writable, seq FROM connection WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL
  ), entry AS (
    SELECT type, data, row_number() OVER () AS n FROM before CROSS JOIN LATERAL (
      SELECT 'connection.calendar-renamed' AS type, '{}'::jsonb AS data WHERE $6::boolean
      UNION ALL
      SELECT 'connection.rights-changed', jsonb_build_object('writable', $5::boolean)
       WHERE before.writable <> $5::boolean) AS e
  ), noted AS (
    UPDATE connection SET calendar_name = coalesce($3, calendar_name), calendar_shared = $4,
      writable = $5,
      read_only_since = CASE WHEN $5 THEN NULL ELSE coalesce(read_only_since, clock_timestamp()) END,
      seq = connection.seq + (SELECT count(*) FROM entry)
    FROM before WHERE tenant_id = $1 AND id = $2
  ) SELECT append_entry($1, 'connection/' || $2, before.seq + entry.n, entry.type, entry.data)
      FROM before, entry`;
