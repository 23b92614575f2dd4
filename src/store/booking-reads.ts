import type { BookingState, PaymentKind } from '../domain/booking.ts';
import type { Database } from './database.ts';

export interface StoredBooking {
  id: string;
  resourceId: string;
  state: BookingState;
  reason: string | null;
  attention: string | null;
  startAt: Date;
  endAt: Date;
  party: number;
  units: number[];
  amountMinor: string;
  currency: string | null;
  paymentKind: PaymentKind;
  /** Sealed for `[tenantId, 'booking.guest', id]`. */
  guest: Buffer | null;
  holdExpiresAt: Date;
  createdAt: Date;
  confirmedAt: Date | null;
  endedAt: Date | null;
  /** Of the newest payment; null before one was tried, and where none is needed. */
  paymentStatus: string | null;
  capturedMinor: string | null;
  refundedMinor: string | null;
  /** `<created_at in µs>_<id>`: where the next page of a list goes on. */
  position: string;
}

const COLUMNS = `
  b.id, b.resource_id AS "resourceId", b.state, b.reason, b.attention, b.start_at AS "startAt",
  b.end_at AS "endAt", b.party, b.units, b.amount_minor AS "amountMinor", b.currency,
  b.payment_kind AS "paymentKind", b.guest, b.hold_expires_at AS "holdExpiresAt",
  b.created_at AS "createdAt", b.confirmed_at AS "confirmedAt", b.ended_at AS "endedAt",
  p.status AS "paymentStatus", p.captured_minor AS "capturedMinor",
  p.refunded_minor AS "refundedMinor",
  (extract(epoch FROM b.created_at) * 1000000)::bigint || '_' || b.id AS position
FROM booking b LEFT JOIN LATERAL (
  SELECT status, captured_minor, refunded_minor FROM payment
   WHERE tenant_id = b.tenant_id AND booking_id = b.id ORDER BY n DESC LIMIT 1) p ON true`;

export async function findBooking(
  database: Database,
  { tenantId, bookingId }: { tenantId: string; bookingId: string },
): Promise<StoredBooking | null> {
  const { rows } = await database.pool.query<StoredBooking>({
    name: 'find-booking',
    text: `SELECT ${COLUMNS} WHERE b.tenant_id = $1 AND b.id = $2`,
    values: [tenantId, bookingId],
  });
  return rows[0] ?? null;
}

/** By time of creation, then id; `after` is a `position`. */
export async function listBookings(
  database: Database,
  page: {
    tenantId: string;
    state: BookingState | undefined;
    resourceId: string | undefined;
    after: { createdUs: string; id: string } | null;
    limit: number;
  },
): Promise<StoredBooking[]> {
  const { rows } = await database.pool.query<StoredBooking>(
    `SELECT ${COLUMNS}
      WHERE b.tenant_id = $1 AND ($2::text IS NULL OR b.state = $2)
        AND ($3::text IS NULL OR b.resource_id = $3)
        AND ($4::bigint IS NULL OR
             (b.created_at, b.id) > ('epoch'::timestamptz + $4::bigint * interval '1 us', $5))
      ORDER BY b.created_at, b.id LIMIT $6`,
    [
      page.tenantId,
      page.state ?? null,
      page.resourceId ?? null,
      page.after?.createdUs ?? null,
      page.after?.id ?? '',
      page.limit,
    ],
  );
  return rows;
}
