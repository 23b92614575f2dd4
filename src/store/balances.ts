import type pg from 'pg';
import type { BookingRef, ChangeRef, StartChange } from '../commands.ts';
import { cancellationOf } from '../domain/cancellation.ts';
import type { Collected, Phase, Unpaid } from '../domain/collecting.ts';
import type { CancellationTier } from '../domain/resource.ts';

/** The rows of money that a change collects after a booking is confirmed. */

export type OpenedPayment =
  | { kind: 'open'; n: number }
  /** `no-account`: nothing of it goes through a payment service. */
  | { kind: 'nothing-due' | 'called-off' | 'no-account' };

/** The payment that a change collects by; repeating it answers the same one. */
export async function openPayment(
  pool: pg.Pool,
  input: ChangeRef & { purpose: Collected },
): Promise<OpenedPayment> {
  const { rows } = await pool.query<{ answer: OpenedPayment }>(
    'SELECT open_payment($1, $2, $3, $4) AS answer',
    [input.tenantId, input.bookingId, input.changeId, input.purpose],
  );
  return rows[0]!.answer;
}

/** False when nothing may be confirmed by it any more. */
export async function storeIntent(
  pool: pg.Pool,
  input: BookingRef & { n: number; intentId: string; sealedClientSecret: Buffer | null },
): Promise<boolean> {
  const { rows } = await pool.query<{ wanted: boolean }>(
    'SELECT store_intent($1, $2, $3, $4, $5) AS wanted',
    [input.tenantId, input.bookingId, input.n, input.intentId, input.sealedClientSecret],
  );
  return rows[0]!.wanted;
}

/** The pivot: from here its money is owed. False when the booking was called off first. */
export async function owePayment(
  pool: pg.Pool,
  input: ChangeRef & { n: number },
): Promise<boolean> {
  const { rows } = await pool.query<{ owed: boolean }>(
    'SELECT owe_payment($1, $2, $3, $4) AS owed',
    [input.tenantId, input.bookingId, input.changeId, input.n],
  );
  return rows[0]!.owed;
}

/** Its authorization is gone, or not needed; nothing was taken by it. */
export async function disownPayment(
  pool: pg.Pool,
  input: BookingRef & { n: number },
): Promise<void> {
  await pool.query('SELECT disown_payment($1, $2, $3)', [input.tenantId, input.bookingId, input.n]);
}

/** What a collecting change goes by. */
export interface Collecting extends Omit<Unpaid, 'code' | 'isArriving'> {
  /** The payment that a renewal stands in for; null for anything else. */
  replaces: number | null;
  lapse: 'capture' | 'renew';
  /** Kept of what was paid, if the booking is called off now by its terms. */
  keepMinor: number;
}

const DEFAULT_GRACE_MS = 24 * 3_600_000;

export async function loadCollecting(pool: pg.Pool, ref: ChangeRef): Promise<Collecting | null> {
  const { rows } = await pool.query<{
    phase: Phase | null;
    attempt: number | null;
    replaces: number | null;
    graceLeftMs: number | null;
    tryInMs: number | null;
    kind: string;
    deposit: { graceMs: number; onUnpaid: 'cancel' | 'keep' } | null;
    tiers: CancellationTier[] | null;
    priceMinor: number;
    paidMinor: number;
    floorMinor: number;
    startAt: Date;
    nowAt: Date;
    isOver: boolean;
    lapse: 'capture' | 'renew' | null;
  }>({
    name: 'load-collecting',
    text: `SELECT c.kind, c.progress->>'phase' AS phase, (c.progress->>'attempt')::integer AS attempt,
        (c.progress->>'replaces')::integer AS replaces,
        extract(epoch FROM (c.progress->>'graceUntil')::timestamptz - clock_timestamp())::float8 * 1000
          AS "graceLeftMs",
        extract(epoch FROM (c.progress->>'tryAt')::timestamptz - clock_timestamp())::float8 * 1000
          AS "tryInMs",
        b.terms->'deposit' AS deposit, b.terms->'cancellation' AS tiers,
        b.amount_minor::float8 AS "priceMinor",
        paid_minor(b.tenant_id, b.id)::float8 AS "paidMinor",
        coalesce((b.terms->>'feeFloorMinor')::float8, 0) AS "floorMinor", b.start_at AS "startAt",
        clock_timestamp() AS "nowAt", b.end_at <= clock_timestamp() AS "isOver",
        r.settings->>'lapse' AS lapse
      FROM booking_change c
      JOIN booking b ON b.tenant_id = c.tenant_id AND b.id = c.booking_id
      JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
      WHERE c.tenant_id = $1 AND c.booking_id = $2 AND c.id = $3`,
    values: [ref.tenantId, ref.bookingId, ref.changeId],
  });
  const row = rows[0];
  if (!row) return null;
  const { priceMinor, paidMinor, floorMinor } = row;
  const times = { startAt: row.startAt.getTime(), nowAt: row.nowAt.getTime() };
  return {
    phase: row.phase ?? 'charge',
    attempt: row.attempt ?? 0,
    graceLeftMs: row.graceLeftMs,
    tryInMs: Math.max(row.tryInMs ?? 0, 0),
    graceMs: row.deposit?.graceMs ?? DEFAULT_GRACE_MS,
    // Only a balance may cost the booking: what lapsed is no fault of the guest.
    onUnpaid: row.kind === 'balance' ? (row.deposit?.onUnpaid ?? 'keep') : 'keep',
    isOver: row.isOver,
    replaces: row.replaces,
    lapse: row.lapse ?? 'capture',
    keepMinor: cancellationOf({
      tiers: row.tiers ?? [],
      priceMinor,
      paidMinor,
      floorMinor,
      ...times,
    }).keepMinor,
  };
}

/** Puts an open change back until later. `graceMs`, the first time given, begins the payer's time. */
export async function postponeChange(
  pool: pg.Pool,
  input: ChangeRef & {
    inMs: number;
    progress: { phase?: Phase; attempt?: number; graceMs?: number };
  },
): Promise<void> {
  await pool.query('SELECT postpone_change($1, $2, $3, $4, $5)', [
    input.tenantId,
    input.bookingId,
    input.changeId,
    Math.round(input.inMs),
    JSON.stringify(input.progress),
  ]);
}

/** The change that waits for a payment which has news: it is due now. Null when none does. */
export async function hastenChange(pool: pg.Pool, ref: BookingRef): Promise<StartChange | null> {
  const { rows } = await pool.query<StartChange>(
    `SELECT tenant_id AS "tenantId", booking_id AS "bookingId", id AS "changeId", kind, ask,
        coalesce(reason, kind) AS reason FROM hasten_change($1, $2)`,
    [ref.tenantId, ref.bookingId],
  );
  return rows[0] ?? null;
}

/** Long before an authorization lapses, its money is taken or authorized anew. */
export const LAPSE_MARGIN_MS = 12 * 3_600_000;

/** Sets a change due for each authorization that is owed and about to lapse. Answers how many. */
export async function renewLapsing(pool: pg.Pool, limit: number): Promise<number> {
  const { rows } = await pool.query<{ made: number }>('SELECT renew_lapsing($1, $2) AS made', [
    LAPSE_MARGIN_MS,
    limit,
  ]);
  return rows[0]!.made;
}

/**
 * An authorization of a confirmed booking lapsed before its capture: it is collected anew by a change
 * of its own. False when no method was kept, so that nobody can be charged.
 */
export async function collectAnew(pool: pg.Pool, ref: BookingRef): Promise<boolean> {
  const { rows } = await pool.query<{ left: boolean }>('SELECT collect_anew($1, $2) AS left', [
    ref.tenantId,
    ref.bookingId,
  ]);
  return rows[0]!.left;
}
