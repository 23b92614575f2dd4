import type pg from 'pg';
import type { BookingRef, ConnectionRef, Resolution, StartChange } from '../commands.ts';
import type { BookingState } from '../domain/booking.ts';
import { hastenChange } from './balances.ts';
import { changesAtWork, openChangeOf } from './changes.ts';
import { resolveMoney } from './refunds.ts';

/** What a command has to know of a row before it can speak to its workflow. */
export const commandLookups = (pool: pg.Pool) => ({
  async connection(ref: ConnectionRef): Promise<{ channel: string; resourceId: string } | null> {
    const { rows } = await pool.query<{ channel: string; resourceId: string }>({
      name: 'connection-lookup',
      text: `SELECT channel, resource_id AS "resourceId" FROM connection
              WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL`,
      values: [ref.tenantId, ref.connectionId],
    });
    return rows[0] ?? null;
  },
  async bookingState(ref: BookingRef): Promise<BookingState | null> {
    const { rows } = await pool.query<{ state: BookingState }>({
      name: 'booking-state',
      text: 'SELECT state FROM booking WHERE tenant_id = $1 AND id = $2',
      values: [ref.tenantId, ref.bookingId],
    });
    return rows[0]?.state ?? null;
  },
  /** When the hold ended, or ends, by an extension that was made; null where it was not. */
  async extendedTo(ref: BookingRef & { extensionId: string }): Promise<string | null> {
    const { rows } = await pool.query<{ endsAt: string }>(
      `SELECT data->>'holdExpiresAt' AS "endsAt" FROM journal
        WHERE tenant_id = $1 AND subject = 'booking/' || $2 AND type = 'booking.hold-extended'
          AND data->>'extensionId' = $3`,
      [ref.tenantId, ref.bookingId, ref.extensionId],
    );
    return rows[0]?.endsAt ?? null;
  },
  /** A change that waits for a payment of which there is news. */
  waitingChange: (ref: BookingRef): Promise<StartChange | null> => hastenChange(pool, ref),
  resolveMoney: (input: BookingRef & { resolution: Resolution }) => resolveMoney(pool, input),
  changesAtWork: (ref: BookingRef): Promise<StartChange[]> => changesAtWork(pool, ref),
  openChange: (ref: BookingRef): Promise<string | null> => openChangeOf(pool, ref),
});
