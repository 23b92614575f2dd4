import type pg from 'pg';
import type { BookingRef, ExtendAnswer, HoldAnswer, StartBooking } from '../commands.ts';

/** `connections` are to show the hold now. */
export type Held = HoldAnswer & { connections?: string[] };

/**
 * Takes units or places, or says why not. The database function decides; expired holds in the way
 * are ended in a transaction of their own and the hold is tried once more, so expiry needs no worker.
 */
export async function holdUnits(pool: pg.Pool, input: StartBooking): Promise<Held> {
  const first = await tryHold(pool, input);
  if (first.held.kind !== 'refused' || !MAY_HAVE_EXPIRED.has(first.held.refusal)) return first.held;
  const ended = await endExpired(pool, input, first.isLinked);
  return ended > 0 ? (await tryHold(pool, input)).held : first.held;
}

const MAY_HAVE_EXPIRED: ReadonlySet<string> = new Set(['taken', 'linked-taken', 'session-full']);

/** What the database has to be told before its locks, and tells when it was not. */
interface Manner {
  isLinked: boolean;
  isAlone: boolean;
}

/** Links that change while their locks are waited for have it ask again. */
const MOST_TRIES = 8;

async function tryHold(
  pool: pg.Pool,
  input: StartBooking,
): Promise<{ held: Held; isLinked: boolean }> {
  const manner: Manner = { isLinked: false, isAlone: false };
  for (let n = 0; n < MOST_TRIES; n += 1) {
    const held = await callHold(pool, input, manner);
    if (held.kind !== 'again') return { held, isLinked: manner.isLinked };
    if (held.how === 'linked') manner.isLinked = true;
    else manner.isAlone = true;
  }
  throw new Error('The links of the resource change faster than they can be locked.');
}

type Answered = HoldAnswer | { kind: 'again'; how: 'linked' | 'alone' };

async function callHold(
  pool: pg.Pool,
  input: StartBooking,
  { isLinked, isAlone }: Manner,
): Promise<(Held | Answered) & { connections?: string[] }> {
  const { tenantId, bookingId, resourceId, ...rest } = input;
  const way = input.sessionId === null ? (isLinked ? 'linked' : 'units') : 'places';
  const asked = {
    ...rest,
    tenant: tenantId,
    booking: bookingId,
    resource: resourceId,
    ...(isAlone && { alone: true }),
  };
  const { rows } = await pool.query<{ answer: Answered; connections: string[] | null }>({
    name: `hold-${way}`,
    text: `SELECT hold_${way}($1) AS answer, mirrors_waiting($2, $3) AS connections`,
    values: [JSON.stringify(asked), tenantId, bookingId],
  });
  const { answer, connections } = rows[0]!;
  return { ...answer, ...(connections && { connections }) };
}

/** Ends what is over where the hold wants to be; nought when asking again is in vain. */
async function endExpired(pool: pg.Pool, input: StartBooking, isLinked: boolean): Promise<number> {
  const { tenantId, resourceId, sessionId, startAt, endAt } = input;
  const [name, text, values] =
    sessionId !== null
      ? ['end-expired-places', END_PLACES, [tenantId, sessionId, input.party]]
      : isLinked
        ? ['end-expired-linked', END_LINKED, [tenantId, resourceId, startAt, endAt]]
        : [
            'end-expired',
            END_UNITS,
            [tenantId, resourceId, startAt, endAt, input.bufferBeforeMs, input.bufferAfterMs],
          ];
  const { rows } = await pool.query<{ ended: number }>({ name, text, values });
  return rows[0]!.ended;
}

const END_PLACES = 'SELECT end_expired_places($1, $2, $3) AS ended';
const END_LINKED = 'SELECT end_expired_linked($1, $2, $3, $4) AS ended';
const END_UNITS = `
  SELECT end_expired($1, $2, $3::timestamptz - $5 * interval '1 millisecond',
    $4::timestamptz + $6 * interval '1 millisecond') AS ended`;

/** Makes a hold longer by its resource's rule, once for each extension id, at most to its start. */
export async function extendHold(
  pool: pg.Pool,
  input: BookingRef & { extensionId: string },
): Promise<ExtendAnswer> {
  const { rows } = await pool.query<{ answer: ExtendAnswer }>({
    name: 'extend-hold',
    text: 'SELECT extend_hold($1, $2, $3) AS answer',
    values: [input.tenantId, input.bookingId, input.extensionId],
  });
  return rows[0]!.answer;
}

/** Tenant and id of holds whose time is long up: their workflow should have ended them. */
export async function holdsLeftOpen(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<{ tenantId: string; bookingId: string }[]> {
  const { rows } = await pool.query<{ tenantId: string; bookingId: string }>(
    `SELECT tenant_id AS "tenantId", id AS "bookingId" FROM booking
      WHERE confirmed_at IS NULL AND ended_at IS NULL
        AND hold_expires_at < clock_timestamp() - $1 * interval '1 millisecond'
      ORDER BY hold_expires_at LIMIT $2`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}
