import { z } from 'zod';
import type { StoredBooking } from '../../store/booking-reads.ts';
import { findBooking, listBookings } from '../../store/booking-reads.ts';
import { conflictsOfBooking } from '../../store/conflict-reads.ts';
import { mirrorsOfBooking } from '../../store/mirror-reads.ts';
import { hasScope, requireScope } from '../auth.ts';
import { browserKeysOf, type BrowserKeys } from '../browser-payment.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { referenceHashOf } from '../customer-reference.ts';
import { describeError } from '../failures.ts';
import { claimOf, REPEATED } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { Booking, BookingInFull, BookingPage, NewBooking } from '../schemas/booking.ts';
import { bookingFilters } from '../schemas/booking-search.ts';
import { Id, pageQuery } from '../schemas/common.ts';
import { showBooking } from '../show-booking.ts';
import { showConflict } from '../show-conflict.ts';
import { showMirror } from '../show-mirror.ts';

const tag = 'Bookings';
const MAX_WAIT_S = 30;

const bookRoute = route({
  method: 'post',
  path: '/v1/bookings',
  id: 'createBooking',
  tag,
  summary: 'Book',
  about:
    'Answers with the hold as soon as it stands; payment and confirmation go on. `Prefer: wait=N` (at most 30) waits up to N seconds for the outcome: the status stays 201, read `state`, which may be `confirmed` or already `declined`, `expired` or `cancelled`. ' +
    'One Idempotency-Key is one booking for ever: repeating the request answers how it stands now, and a new attempt after a decline needs a new key. A refusal (409) may be asked again with the same key and body. ' +
    'Payment is by a `method` you have, in a `browser` by the payer (with `payment.clientSecret` of the answer; the booking goes on by itself once it is confirmed there), by your own means (`external`, then confirm it with the scope `payments:write`), or `none` for what is free. A price per night counts local midnights, at least one.',
  scopes: ['bookings:write'],
  idempotent: true,
  headers: { Prefer: '`wait=N`: wait up to N seconds (RFC 7240).' },
  body: NewBooking,
  bodyExample: {
    resourceId: 'villa-aurora',
    startAt: '2027-01-10T15:00:00+01:00',
    endAt: '2027-01-14T10:00:00+01:00',
    party: 1,
    payment: { kind: 'method', paymentMethod: 'pm_card_visa' },
    guest: { name: 'Ada Rossi', reference: 'web-4711' },
  },
  answer: {
    status: 201,
    about: 'The hold, or how the booking of this key stands now.',
    schema: Booking,
    headers: { Location: 'The booking.' },
  },
  problems: [
    'not-found',
    'not-available',
    'not-bookable',
    'price-changed',
    'payment-unsuitable',
    'unknown-reference',
    'in-progress',
    'given-up',
    'overloaded',
    'unavailable',
  ],
  async handle(input, deps) {
    const claim = claimOf(input);
    const waitS = waitOf(input.header('prefer'));
    if (input.body.price) requireScope(input.caller, ['payments:write']);
    if (input.body.override) requireScope(input.caller, ['admin']);
    const { bookingId, repeated } = await deps.book(
      claim,
      { asked: input.body, caller: input.caller },
      deps,
    );
    const ref = { tenantId: claim.tenantId, bookingId };
    if (waitS > 0) await awaitOutcome(ref, waitS * 1_000, deps);
    const row = await findBooking(deps.database, ref);
    // The hold is committed before it is answered, so its row is there.
    if (!row) throw new Problem('internal');
    return {
      body: showBooking(row, claim.tenantId, await keysOf(row, ref, deps)),
      headers: {
        location: `/v1/bookings/${bookingId}`,
        ...(waitS > 0 ? { 'preference-applied': `wait=${waitS}` } : {}),
        ...(repeated ? REPEATED : {}),
      },
    };
  },
});

const listRoute = route({
  method: 'get',
  path: '/v1/bookings',
  id: 'listBookings',
  tag,
  summary: 'List bookings',
  about:
    'All that match what is given, in the order they were made, so that pages stay where they are while others book.',
  scopes: ['bookings:write', 'journal:read'],
  query: z
    .strictObject({
      ...pageQuery,
      after: z
        .string()
        .regex(/^\d{1,17}_[A-Za-z0-9-]{1,64}$/, 'must be `next` of the page before')
        .optional(),
      ...bookingFilters,
    })
    .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
      error: 'must be after `from`',
      path: ['to'],
    }),
  answer: { status: 200, about: 'By time of creation, without guests.', schema: BookingPage },
  problems: [],
  async handle({ caller, query }, { database }) {
    const { tenantId } = caller;
    const { limit, after: position, reference, attention, ...filters } = query;
    const [createdUs = '', id = ''] = position?.split('_') ?? [];
    const after = position === undefined ? null : { createdUs, id };
    const rows = await listBookings(database, {
      ...filters,
      tenantId,
      limit,
      after,
      attention: attention === 'true',
      referenceHash:
        reference === undefined ? undefined : referenceHashOf(caller.fingerprintKey, reference),
    });
    const show = (row: StoredBooking) => showBooking(row, tenantId);
    return { body: pageOf(rows, { limit, keyOf: (row) => row.position, show }) };
  },
});

const readRoute = route({
  method: 'get',
  path: '/v1/bookings/{bookingId}',
  id: 'getBooking',
  tag,
  summary: 'Read a booking',
  scopes: ['bookings:write', 'journal:read'],
  params: z.strictObject({ bookingId: Id }),
  answer: {
    status: 200,
    about: 'The booking; its guest for keys with bookings:write only.',
    schema: BookingInFull,
  },
  problems: ['not-found'],
  async handle({ caller, params }, deps) {
    const { database, vault, now } = deps;
    const ref = { tenantId: caller.tenantId, bookingId: params.bookingId };
    const [row, mirrors, conflicts] = await Promise.all([
      findBooking(database, ref),
      mirrorsOfBooking(database, ref),
      conflictsOfBooking(database, ref),
    ]);
    if (!row) throw notFound('booking');
    const open = hasScope(caller, 'bookings:write') && row.guest !== null;
    const guest = open
      ? (JSON.parse(
          vault.open([ref.tenantId, 'booking.guest', ref.bookingId], row.guest!),
        ) as unknown)
      : null;
    const shown = mirrors.map((one) => showMirror(one, now()));
    const keys = hasScope(caller, 'bookings:write') ? await keysOf(row, ref, deps) : null;
    return {
      body: {
        ...showBooking(row, ref.tenantId, keys),
        guest,
        mirrors: shown,
        conflicts: conflicts.map((one) => showConflict(one, ref.tenantId)),
      },
    };
  },
});

export const bookingRoutes = [bookRoute, listRoute, readRoute];

/** Only where a payer may have to act is it looked for. */
const keysOf = async (
  row: StoredBooking,
  ref: { tenantId: string; bookingId: string },
  deps: ApiDependencies,
): Promise<BrowserKeys | null> =>
  row.paymentStatus === 'needs-method' || row.paymentStatus === 'needs-action'
    ? browserKeysOf(deps, ref)
    : null;

/** RFC 7240 §4.3; other preferences are ignored, as it says. */
function waitOf(header: string | undefined): number {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?/i.exec(header ?? '');
  return Math.min(Number(match?.[1] ?? 0), MAX_WAIT_S);
}

/** The row tells in the end, so a wait that fails is only a shorter wait. */
async function awaitOutcome(
  ref: { tenantId: string; bookingId: string },
  timeoutMs: number,
  { commands, log }: ApiDependencies,
): Promise<void> {
  try {
    await commands.awaitBooking(ref, timeoutMs);
  } catch (error) {
    log('warn', 'a booking was not waited for', { ...describeError(error) });
  }
}
