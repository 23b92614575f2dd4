import type pg from 'pg';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { ConnectionSettings, ConnectionStatus } from '../domain/connection.ts';
import type { ConnectionKey } from './sync.ts';

/** Where a connection's calendar is, for calls that read no feed. */
export interface ConnectionTarget {
  resourceId: string;
  accountId: string;
  channel: string;
  calendarId: string;
  timeZone: string;
  /** Whether events of ours may be written there. */
  writable: boolean;
  status: ConnectionStatus;
  settings: ConnectionSettings;
}

export async function connectionTarget(
  pool: pg.Pool,
  key: ConnectionKey,
): Promise<ConnectionTarget | null> {
  const { rows } = await pool.query<ConnectionTarget>(
    `SELECT resource_id AS "resourceId", account_id AS "accountId", channel,
       calendar_id AS "calendarId", time_zone AS "timeZone", writable, status, settings FROM connection
     WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL`,
    [key.tenantId, key.connectionId],
  );
  const row = rows[0];
  return row ? { ...row, settings: { ...DEFAULT_CONNECTION_SETTINGS, ...row.settings } } : null;
}
