import type { BookingTerms } from '../commands.ts';
import type { BookingState, PaymentKind } from '../domain/booking.ts';
import type { Recheck } from '../domain/connection.ts';
import type { Database } from './database.ts';

export interface StoredBooking {
  id: string;
  resourceId: string;
  sessionId: string | null;
  state: BookingState;
  reason: string | null;
  attention: string | null;
  attentions: string[];
  recheck: Recheck | null;
  startAt: Date;
  endAt: Date;
  party: number;
  units: number[];
  amountMinor: string;
  currency: string | null;
  depositMinor: string | null;
  balanceDueAt: Date | null;
  owedMinor: string;
  /** Empty for bookings that are older than terms. */
  terms: Partial<BookingTerms>;
  paymentKind: PaymentKind;
  /** Sealed for `[tenantId, 'booking.guest', id]`. */
  guest: Buffer | null;
  holdExpiresAt: Date;
  createdAt: Date;
  confirmedAt: Date | null;
  endedAt: Date | null;
  /** Of the newest payment; null before one was tried, and where none is needed. */
  paymentStatus: string | null;
  /** Of all its payments. */
  capturedMinor: string | null;
  refundedMinor: string | null;
  declineCode: string | null;
  paymentEnding: 'voided' | 'refunded' | null;
  /** `<created_at in µs>_<id>`: where the next page of a list goes on. */
  position: string;
}

const COLUMNS = `
  b.id, b.resource_id AS "resourceId", b.session_id AS "sessionId", b.state, b.reason, b.attention,
  b.attentions, b.recheck, b.start_at AS "startAt",
  b.end_at AS "endAt", b.party, b.units, b.amount_minor AS "amountMinor", b.currency,
  b.deposit_minor AS "depositMinor", b.balance_due_at AS "balanceDueAt", b.owed_minor AS "owedMinor",
  b.terms, b.payment_kind AS "paymentKind", b.guest, b.hold_expires_at AS "holdExpiresAt",
  b.created_at AS "createdAt", b.confirmed_at AS "confirmedAt", b.ended_at AS "endedAt",
  p.status AS "paymentStatus", p.captured_minor AS "capturedMinor",
  p.refunded_minor AS "refundedMinor", p.decline_code AS "declineCode", p.ending AS "paymentEnding",
  (extract(epoch FROM b.created_at) * 1000000)::bigint || '_' || b.id AS position
FROM booking b LEFT JOIN LATERAL (
  SELECT status, sum(captured_minor) OVER () AS captured_minor,
    sum(refunded_minor) OVER () AS refunded_minor, decline_code, ending FROM payment
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

/** Instants are RFC 3339; all that is given must hold. */
export interface BookingFilters {
  state?: BookingState | undefined;
  resourceId?: string | undefined;
  sessionId?: string | undefined;
  /** Bookings that overlap the time. */
  from?: string | undefined;
  to?: string | undefined;
  referenceHash?: Uint8Array | undefined;
  attention?: boolean | undefined;
}

interface BookingList extends BookingFilters {
  tenantId: string;
  after: { createdUs: string; id: string } | null;
  limit: number;
}

/** By time of creation, then id; `after` is a `position`. */
export async function listBookings(
  database: Pick<Database, 'pool'>,
  page: BookingList,
): Promise<StoredBooking[]> {
  const { where, values } = conditionsOf(page);
  const { rows } = await database.pool.query<StoredBooking>(
    `SELECT ${COLUMNS} WHERE ${where} ORDER BY b.created_at, b.id LIMIT ${page.limit}`,
    values,
  );
  return rows;
}

/** Only what is asked for is in the statement, so that each search can have its own plan. */
function conditionsOf(page: BookingList): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const value = (one: unknown): string => `$${values.push(one)}`;
  const conditions = [`b.tenant_id = ${value(page.tenantId)}`];
  if (page.state !== undefined) conditions.push(`b.state = ${value(page.state)}`);
  // Says to the planner what the state says to us: of these there are few.
  if (page.state === 'held' || page.state === 'paying')
    conditions.push('b.confirmed_at IS NULL AND b.ended_at IS NULL');
  if (page.resourceId !== undefined) conditions.push(`b.resource_id = ${value(page.resourceId)}`);
  if (page.sessionId !== undefined) conditions.push(`b.session_id = ${value(page.sessionId)}`);
  if (page.referenceHash) conditions.push(`b.reference_hash = ${value(page.referenceHash)}`);
  if (page.attention) conditions.push('b.attention IS NOT NULL');
  if (page.from !== undefined || page.to !== undefined)
    conditions.push(
      // As `booking_in_time` has it.
      `b.tenant_id || '' = $1`,
      `tstzrange(b.start_at, b.end_at) && tstzrange(${value(page.from ?? null)}, ${value(page.to ?? null)})`,
    );
  if (page.after)
    conditions.push(
      `(b.created_at, b.id) > ('epoch'::timestamptz + ${value(page.after.createdUs)}::bigint * interval '1 us', ${value(page.after.id)})`,
    );
  return { where: conditions.join(' AND '), values };
}
