import type { BookingRef, BookingTerms } from '../commands.ts';
import type { BookingState } from '../domain/booking.ts';
import type { Database } from './database.ts';
import type { Tx } from './transactions.ts';

/** What a quote rests on, by the database's clock. Instants are epoch milliseconds. */
export interface QuoteCase {
  state: BookingState;
  resourceId: string;
  startAt: number;
  endAt: number;
  party: number;
  amountMinor: number;
  currency: string | null;
  terms: BookingTerms;
  paidMinor: number;
  /** Kept at least, since the booking was moved. */
  floorMinor: number;
  nowAt: number;
}

export async function loadQuoteCase(
  database: Database,
  { tenantId, bookingId }: BookingRef,
): Promise<QuoteCase | null> {
  const { rows } = await database.pool.query<QuoteCase>(
    `SELECT state, resource_id AS "resourceId", party, amount_minor::float8 AS "amountMinor", currency,
       date_part('epoch', start_at) * 1000 AS "startAt", date_part('epoch', end_at) * 1000 AS "endAt",
       jsonb_build_object('cancellation', coalesce(terms->'cancellation', '[]'),
         'deposit', terms->'deposit') AS terms,
       paid_minor(tenant_id, id)::float8 AS "paidMinor",
       coalesce((terms->>'feeFloorMinor')::float8, 0) AS "floorMinor",
       date_part('epoch', clock_timestamp()) * 1000 AS "nowAt"
     FROM booking WHERE tenant_id = $1 AND id = $2`,
    [tenantId, bookingId],
  );
  return rows[0] ?? null;
}

/** Instants are epoch milliseconds; `terms` is what was said, by kind. */
export interface NewQuote extends BookingRef {
  id: string;
  kind: 'cancel' | 'reschedule';
  terms: Readonly<Record<string, unknown>>;
  restsOn: Pick<QuoteCase, 'startAt' | 'endAt' | 'paidMinor'>;
  expiresAt: number;
}

export async function keepQuote(tx: Tx, quote: NewQuote): Promise<void> {
  const { tenantId, bookingId, id, kind, restsOn } = quote;
  await tx.$executeRaw`
    INSERT INTO quote (tenant_id, id, booking_id, kind, terms, start_at, end_at, paid_minor, expires_at)
    VALUES (${tenantId}, ${id}, ${bookingId}, ${kind}, ${JSON.stringify(quote.terms)}::jsonb,
      ${new Date(restsOn.startAt)}, ${new Date(restsOn.endAt)}, ${restsOn.paidMinor}::bigint,
      ${new Date(quote.expiresAt)})`;
}

/** What a reschedule's quote rests on, beside what every quote does. */
export interface RescheduleCase extends QuoteCase {
  sessionId: string | null;
  /** Price of a place there; null where the resource's counts. */
  sessionPrice: { amountMinor: number; currency: string } | null;
  /** Whether a method was kept that the difference can be charged by. */
  hasKeptMethod: boolean;
  /** The account that the booking was paid through. */
  accountId: string | null;
}

export async function loadRescheduleCase(
  database: Database,
  ref: BookingRef,
): Promise<RescheduleCase | null> {
  const found = await loadQuoteCase(database, ref);
  if (!found) return null;
  const { rows } = await database.pool.query<Omit<RescheduleCase, keyof QuoteCase>>(
    `SELECT b.session_id AS "sessionId", s.price AS "sessionPrice",
       EXISTS (SELECT FROM payment p WHERE p.tenant_id = b.tenant_id AND p.booking_id = b.id
         AND p.customer_id IS NOT NULL AND p.method_id IS NOT NULL) AS "hasKeptMethod",
       (SELECT payment_account_id FROM payment p WHERE p.tenant_id = b.tenant_id
         AND p.booking_id = b.id AND payment_account_id IS NOT NULL ORDER BY n LIMIT 1) AS "accountId"
     FROM booking b LEFT JOIN session s ON s.tenant_id = b.tenant_id AND s.id = b.session_id
     WHERE b.tenant_id = $1 AND b.id = $2`,
    [ref.tenantId, ref.bookingId],
  );
  return rows[0] ? { ...found, ...rows[0] } : null;
}

/** What a quote said, whether it still holds or not. */
export async function findQuote<T>(
  database: Database,
  ref: BookingRef & { quoteId: string; kind: 'cancel' | 'reschedule' },
): Promise<T | null> {
  const { rows } = await database.pool.query<{ terms: T }>(
    'SELECT terms FROM quote WHERE tenant_id = $1 AND booking_id = $2 AND id = $3 AND kind = $4',
    [ref.tenantId, ref.bookingId, ref.quoteId, ref.kind],
  );
  return rows[0]?.terms ?? null;
}
