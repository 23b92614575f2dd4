import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { cancellationOf } from '../../domain/cancellation.ts';
import { findBooking } from '../../store/booking-reads.ts';
import { keepQuote, loadQuoteCase, type QuoteCase } from '../../store/quotes.ts';
import { requireScope } from '../auth.ts';
import { asking } from '../commands.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { claimOf, createOnce } from '../idempotency.ts';
import { uuidV5 } from '../identity.ts';
import { notFound, Problem } from '../problem.ts';
import { quoteOver } from '../reschedule.ts';
import type { Answer } from '../route.ts';
import { requireSameChange } from '../same-change.ts';
import { route } from '../route.ts';
import { Booking } from '../schemas/booking.ts';
import { Cancellation, CancellationQuote } from '../schemas/change.ts';
import { Empty, Id } from '../schemas/common.ts';
import { showBooking } from '../show-booking.ts';

const tag = 'Bookings';
const scopes = ['bookings:write'] as const;
const params = z.strictObject({ bookingId: Id });
/** Long enough to read and confirm it. */
const QUOTE_TTL_MS = 15 * 60_000;

interface Ref {
  tenantId: string;
  bookingId: string;
}

export const cancellationRoutes = [
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/cancellation-quotes',
    id: 'quoteCancellation',
    tag,
    summary: 'Ask what a cancellation costs',
    about:
      'By what was agreed when the booking was made and the time left before its start. Nothing is cancelled yet: confirm the quote by its id at `cancel` before `validUntil`, and exactly this is refunded.',
    scopes,
    idempotent: true,
    params,
    body: Empty,
    bodyExample: {},
    answer: { status: 201, about: 'What would be kept and refunded.', schema: CancellationQuote },
    problems: ['not-found', 'not-cancellable'],
    async handle(input, deps) {
      const ref = { tenantId: input.caller.tenantId, bookingId: input.params.bookingId };
      return quoteCancellation(input, deps, ref);
    },
  }),
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/cancel',
    id: 'cancelBooking',
    tag,
    summary: 'Cancel a booking',
    about:
      'Gives a hold up, or calls a confirmed booking off: its units are free at once, its mirrors are removed and money goes back. With `quoteId` exactly what was quoted; without one what was agreed when the booking was made, as of now. Cancelling a cancelled booking answers how it stands.',
    scopes,
    idempotent: true,
    params,
    body: Cancellation,
    bodyExample: { reason: 'guest-request' },
    answer: { status: 200, about: 'The booking as it is now.', schema: Booking },
    problems: ['not-found', 'not-cancellable', 'quote-over', 'change-under-way', 'unavailable'],
    async handle(input, deps) {
      const { keepMinor, quoteId, reason } = input.body;
      if (keepMinor !== undefined) requireScope(input.caller, ['payments:write']);
      const ref = { tenantId: input.caller.tenantId, bookingId: input.params.bookingId };
      const changeId = changeIdOf(ref, claimOf(input).key);
      return cancel({ ...ref, changeId, reason, keepMinor, quoteId }, deps);
    },
  }),
];

/** One key of a caller is one change of a booking. */
export const changeIdOf = (ref: Ref, key: string): string =>
  uuidV5(`booking-change/${ref.tenantId}/${ref.bookingId}`, key);

export async function quoteCancellation(
  input: Parameters<typeof createOnce>[0],
  deps: ApiDependencies,
  ref: Ref,
): Promise<Answer> {
  return createOnce(input, deps, {
    prepare: async () => {
      const found = await loadQuoteCase(deps.database, ref);
      if (!found) throw notFound('booking');
      if (found.state !== 'confirmed')
        throw new Problem('not-cancellable', { more: { state: found.state } });
      return found;
    },
    create: async (tx, found) => {
      const said = verdictOf(found);
      const id = randomUUID();
      const expiresAt = Math.min(found.nowAt + QUOTE_TTL_MS, said.untilAt ?? Infinity);
      const { keepMinor, refundMinor, tier } = said;
      const terms = { keepMinor, refundMinor };
      await keepQuote(tx, { ...ref, id, kind: 'cancel', terms, restsOn: found, expiresAt });
      const body = {
        id,
        bookingId: ref.bookingId,
        currency: found.currency,
        paidMinor: found.paidMinor,
        keepMinor,
        refundMinor,
        tier,
        validUntil: new Date(expiresAt).toISOString(),
      };
      return { status: 201, body };
    },
  });
}

const verdictOf = (found: QuoteCase) =>
  cancellationOf({
    tiers: found.terms.cancellation,
    priceMinor: found.amountMinor,
    paidMinor: found.paidMinor,
    floorMinor: found.floorMinor,
    startAt: found.startAt,
    nowAt: found.nowAt,
  });

/**
 * Without a quote or a word of staff, what was agreed counts as of now. `requireConfirmed` is asked
 * about a booking that is confirmed, be it while its hold is given up; what it throws is the answer.
 */
export async function cancel(
  asked: Ref & {
    changeId: string;
    reason: string;
    keepMinor: number | undefined;
    quoteId: string | undefined;
    requireConfirmed?: () => void;
  },
  deps: ApiDependencies,
): Promise<Answer> {
  const { keepMinor, quoteId, changeId, reason, requireConfirmed, ...ref } = asked;
  const before = await loadQuoteCase(deps.database, ref);
  if (!before) throw notFound('booking');
  if (before.state === 'cancelled') return answerOf(ref, deps);
  if (before.state !== 'confirmed') {
    const givenUp = await asking(deps.commands.giveUpBooking({ ...ref, changeId, reason }));
    if (givenUp.kind === 'no-such-booking') throw notFound('booking');
    if (givenUp.kind === 'cancelled') return answerOf(ref, deps);
    if (givenUp.state !== 'confirmed')
      throw new Problem('not-cancellable', { more: { state: givenUp.state } });
  }
  const now = before.state === 'confirmed' ? before : await loadQuoteCase(deps.database, ref);
  if (!now) throw notFound('booking');
  requireConfirmed?.();
  const stated = { quoteId: quoteId ?? null, keepMinor };
  await requireSameChange(deps, { ...ref, changeId }, { kind: 'cancel', ask: stated });
  const ask = { ...stated, keepMinor: keepMinor ?? verdictOf(now).keepMinor };
  const done = await asking(
    deps.commands.changeBooking({ ...ref, changeId, reason, kind: 'cancel', ask }),
  );
  if (done.kind === 'done') return answerOf(ref, deps);
  if (done.kind === 'no-such-booking') throw notFound('booking');
  if (done.kind === 'quote-over') throw quoteOver(ref.bookingId, 'cancellation');
  if (done.kind === 'busy')
    throw new Problem('change-under-way', { headers: { 'retry-after': '2' } });
  throw new Problem('not-cancellable', {
    more: { state: done.kind === 'not-changeable' ? done.state : now.state },
  });
}

async function answerOf(ref: Ref, { database }: ApiDependencies): Promise<Answer> {
  const row = await findBooking(database, ref);
  if (!row) throw notFound('booking');
  return { body: showBooking(row, ref.tenantId) };
}
