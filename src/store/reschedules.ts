import type pg from 'pg';
import type {
  BookingRef,
  ChangeAnswer,
  DifferencePayment,
  Refused,
  RescheduleAsk,
} from '../commands.ts';
import type { BookingState } from '../domain/booking.ts';

/**
 * The ledger's side of a reschedule: the new time is taken beside the old one, one switch lets the
 * old one go, and until then all of it can be undone. Instants are RFC 3339.
 */
interface ChangeRef extends BookingRef {
  changeId: string;
}

export type Taken =
  | { kind: 'taken' | 'switched'; dueMinor: number; heldUntil: string }
  | ({ kind: 'refused' } & Refused)
  | { kind: 'not-confirmed'; state: BookingState | null }
  | { kind: 'quote-over' }
  | { kind: 'unpayable' }
  | { kind: 'undone'; answer: ChangeAnswer | null };

/** Links that change while their locks are waited for have it ask again. */
const MOST_TRIES = 8;

/** Holds that are over where the change wants to be are ended, so that expiry needs no worker. */
export async function takeForChange(
  pool: pg.Pool,
  { ask, ...change }: ChangeRef & { ask: RescheduleAsk },
): Promise<Taken> {
  const asked = {
    ...ask,
    tenant: change.tenantId,
    booking: change.bookingId,
    change: change.changeId,
  };
  const take = () => again<Taken>(pool, 'SELECT take_for_change($1) AS answer', [asked]);
  const first = await take();
  if (first.kind !== 'refused' || !MAY_HAVE_EXPIRED.has(first.refusal)) return first;
  return (await endExpired(pool, change, ask)) > 0 ? take() : first;
}

async function endExpired(
  pool: pg.Pool,
  { tenantId, bookingId }: BookingRef,
  ask: RescheduleAsk,
): Promise<number> {
  const { rows } = await pool.query<{ ended: number }>(
    `SELECT CASE WHEN $3::text IS NULL THEN end_expired_linked(tenant_id, resource_id, $4, $5)
              ELSE end_expired_places(tenant_id, $3, $6) END AS ended
      FROM booking WHERE tenant_id = $1 AND id = $2`,
    [tenantId, bookingId, ask.sessionId, ask.startAt, ask.endAt, ask.party],
  );
  return rows[0]?.ended ?? 0;
}

const MAY_HAVE_EXPIRED: ReadonlySet<string> = new Set(['taken', 'linked-taken', 'session-full']);

async function again<T>(pool: pg.Pool, text: string, values: unknown[]): Promise<T> {
  for (let n = 0; n < MOST_TRIES; n += 1) {
    const { rows } = await pool.query<{ answer: T | { kind: 'again' } }>(text, values);
    const { answer } = rows[0]!;
    if ((answer as { kind: string }).kind !== 'again') return answer as T;
  }
  throw new Error('The links of the resource change faster than they can be locked.');
}

/** `connections` have a mirror to move; `payment` is still to be captured. */
export type SwitchedRow =
  | { kind: 'switched'; payment: number | null; isExcess: boolean; connections: string[] }
  | { kind: 'not-confirmed'; state: BookingState }
  | { kind: 'expired' | 'contested' | 'unpaid' | 'day-full' | 'undone' };

/** The pivot. Repeating it answers the same. */
export const switchChange = (
  pool: pg.Pool,
  input: ChangeRef & { reason: string },
): Promise<SwitchedRow> =>
  again(pool, 'SELECT switch_change($1, $2, $3, $4) AS answer', [
    input.tenantId,
    input.bookingId,
    input.changeId,
    input.reason,
  ]);

/** Lets the new time go, unless it is the booking's already. A late attempt to take it is refused. */
export async function undoChange(
  pool: pg.Pool,
  { answer, ...change }: ChangeRef & { answer: ChangeAnswer | null },
): Promise<{ kind: 'switched' | 'undone' }> {
  const { rows } = await pool.query<{ answer: { kind: 'switched' | 'undone' } }>(
    'SELECT undo_change($1, $2, $3, $4) AS answer',
    [change.tenantId, change.bookingId, change.changeId, JSON.stringify(answer)],
  );
  return rows[0]!.answer;
}

/** Nothing may be confirmed by the difference's payment any more, unless it is owed. */
export async function fenceDifference(
  pool: pg.Pool,
  input: ChangeRef,
): Promise<{ kind: 'switched' } | { kind: 'fenced'; n: number | null }> {
  const { rows } = await pool.query<{
    answer: { kind: 'switched' } | { kind: 'fenced'; n: number | null };
  }>('SELECT fence_difference($1, $2, $3) AS answer', [
    input.tenantId,
    input.bookingId,
    input.changeId,
  ]);
  return rows[0]!.answer;
}

export async function disownDifference(
  pool: pg.Pool,
  input: BookingRef & { n: number },
): Promise<void> {
  await pool.query('SELECT disown_difference($1, $2, $3)', [
    input.tenantId,
    input.bookingId,
    input.n,
  ]);
}

/** How the difference of an open change is paid; the sealed method is for `CHANGE_DRAFT`. */
export interface DifferenceCase {
  n: number;
  payment: DifferencePayment;
  sealedMethod: Buffer | null;
}

export async function loadDifference(
  pool: pg.Pool,
  ref: ChangeRef,
): Promise<DifferenceCase | null> {
  const { rows } = await pool.query<DifferenceCase>(
    `SELECT (c.progress->>'n')::integer AS n, c.ask->'payment' AS payment, d.payment AS "sealedMethod"
      FROM booking_change c
      LEFT JOIN change_draft d ON d.tenant_id = c.tenant_id AND d.booking_id = c.booking_id
        AND d.change_id = c.id
      WHERE c.tenant_id = $1 AND c.booking_id = $2 AND c.id = $3 AND c.progress->>'n' IS NOT NULL`,
    [ref.tenantId, ref.bookingId, ref.changeId],
  );
  return rows[0] ?? null;
}

/** What a change's payment method is sealed for. */
export const changeDraftPlace = ({ tenantId, bookingId, changeId }: ChangeRef) =>
  [tenantId, 'change_draft.payment', `${bookingId}/${changeId}`] as const;

/** The first one left counts: a repeated request does not change what is paid with. */
export async function leaveChangeDraft(
  pool: pg.Pool,
  input: ChangeRef & { payment: Uint8Array },
): Promise<void> {
  await pool.query(
    `INSERT INTO change_draft (tenant_id, booking_id, change_id, payment) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [input.tenantId, input.bookingId, input.changeId, input.payment],
  );
}

export type Probed = { kind: 'free'; dueMinor: number } | ({ kind: 'refused' } & Refused);

/** Whether the new time could be had now, and what would be owed at once. Nothing is taken. */
export async function probeChange(
  pool: pg.Pool,
  { ask, ...ref }: BookingRef & { ask: RescheduleAsk },
): Promise<Probed> {
  const probe = async () => {
    const { rows } = await pool.query<{ answer: Probed }>(
      `SELECT CASE c.chosen->>'kind' WHEN 'chosen' THEN jsonb_build_object('kind', 'free',
            'dueMinor', owed_after(b, $4::bigint) - b.owed_minor) ELSE c.chosen END AS answer
        FROM booking b, LATERAL (SELECT choose_for_change(b, $3) AS chosen) c
        WHERE b.tenant_id = $1 AND b.id = $2`,
      [ref.tenantId, ref.bookingId, ask, ask.amountMinor],
    );
    return rows[0]!.answer;
  };
  const first = await probe();
  if (first.kind !== 'refused' || !MAY_HAVE_EXPIRED.has(first.refusal)) return first;
  return (await endExpired(pool, ref, ask)) > 0 ? probe() : first;
}

/**
 * What moving a confirmed booking asks for when its owner moved it in a calendar of the resource: the
 * same places at the same price. Null where it cannot be moved so.
 */
export async function askToMove(
  pool: pg.Pool,
  ref: BookingRef,
  span: { startAt: string; endAt: string },
): Promise<RescheduleAsk | null> {
  const { rows } = await pool.query<Omit<RescheduleAsk, 'startAt' | 'endAt' | 'quoteId'>>(
    `SELECT b.session_id AS "sessionId", b.party, b.amount_minor::float8 AS "amountMinor",
       coalesce((r.settings->>'bufferBeforeMs')::float8, 0) AS "bufferBeforeMs",
       coalesce((r.settings->>'bufferAfterMs')::float8, 0) AS "bufferAfterMs"
     FROM booking b JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
     WHERE b.tenant_id = $1 AND b.id = $2 AND b.state = 'confirmed' AND b.session_id IS NULL
       AND $4::timestamptz > clock_timestamp() AND $3::timestamptz < $4::timestamptz`,
    [ref.tenantId, ref.bookingId, span.startAt, span.endAt],
  );
  return rows[0] ? { ...rows[0], ...span, quoteId: null } : null;
}
