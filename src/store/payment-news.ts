import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { PaymentAccountRef } from './payment-accounts.ts';

/** What the payment service reports, kept as a mark on the payment until somebody has read it. */

export type Noted =
  /** It was reported before. */
  | { kind: 'repeat' }
  /** Its payment is none of ours, or not stored yet: then its own saga reads it anyway. */
  | { kind: 'nobodys' }
  /** `waits`: the payment is marked, and its booking's workflow is to be told. */
  | { kind: 'noted'; bookingId: string; waits: boolean };

/** Records a signed event and marks its payment, in one transaction. */
export async function notePaymentEvent(
  pool: pg.Pool,
  event: PaymentAccountRef & { eventId: string; intentId: string | null },
): Promise<Noted> {
  const { rows } = await pool.query<{ answer: Noted }>({
    name: 'note-payment-event',
    text: 'SELECT note_payment_event($1, $2, $3, $4) AS answer',
    values: [event.tenantId, event.accountId, event.eventId, event.intentId],
  });
  return rows[0]!.answer;
}

/** Which booking a payment of this account is of, or null. */
export async function paymentOfIntent(
  pool: pg.Pool,
  { tenantId, accountId, intentId }: PaymentAccountRef & { intentId: string },
): Promise<(BookingRef & { n: number }) | null> {
  const { rows } = await pool.query<BookingRef & { n: number }>(
    `SELECT tenant_id AS "tenantId", booking_id AS "bookingId", n FROM payment
      WHERE tenant_id = $1 AND intent_id = $2 AND payment_account_id = $3`,
    [tenantId, intentId, accountId],
  );
  return rows[0] ?? null;
}

/** A dispute calls a person, and its end says how it went; repeating it changes nothing. */
export async function recordDispute(
  pool: pg.Pool,
  input: { tenantId: string; intentId: string; dispute: 'opened' | 'won' | 'lost' },
): Promise<void> {
  const values = [input.tenantId, input.intentId, input.dispute];
  await pool.query('SELECT record_dispute($1, $2, $3)', values);
}

const MOST_DOUBLINGS = 10;

/**
 * Bookings with news that nobody has read for a while: the signal was lost. Marks that nobody waits
 * for any more are taken away. Answers each after `olderThanMs`, and then after twice as long each
 * time: its reader may be held up for days, and a run hears only so many signals.
 */
export async function newsLeft(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<BookingRef[]> {
  const { rows } = await pool.query<BookingRef & { waits: boolean }>(
    `UPDATE payment t SET news_at = CASE WHEN f.waits THEN clock_timestamp() END, news_told = t.news_told + 1
       FROM (SELECT p.tenant_id, p.booking_id, p.n,
               awaits_news(b.state, b.payment_kind, p) AS waits
               FROM payment p JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
              WHERE p.news_at < clock_timestamp() - $1 * interval '1 millisecond'
                AND p.news_at < clock_timestamp()
                  - $1 * power(2, least(p.news_told, ${MOST_DOUBLINGS})) * interval '1 millisecond'
              ORDER BY p.news_at LIMIT $2 FOR NO KEY UPDATE OF p SKIP LOCKED) f
      WHERE t.tenant_id = f.tenant_id AND t.booking_id = f.booking_id AND t.n = f.n
     RETURNING t.tenant_id AS "tenantId", t.booking_id AS "bookingId", f.waits`,
    [options.olderThanMs, options.limit],
  );
  return rows.filter(({ waits }) => waits);
}
