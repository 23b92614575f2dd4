import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { BookingRef, ChangeAnswer, DifferencePayment, RescheduleAsk } from '../commands.ts';
import { cancellationOf } from '../domain/cancellation.ts';
import type { SessionFacts } from '../domain/session.ts';
import { readAvailability } from '../store/availability.ts';
import { findBooking } from '../store/booking-reads.ts';
import { choosePaymentAccount } from '../store/payment-accounts.ts';
import { findQuote, keepQuote, loadRescheduleCase, type RescheduleCase } from '../store/quotes.ts';
import { changeDraftPlace, leaveChangeDraft, probeChange } from '../store/reschedules.ts';
import { findSession } from '../store/sessions.ts';
import { instantsOf, roughSpan, spanIn } from './asked-time.ts';
import { browserKeysOf } from './browser-payment.ts';
import { asking } from './commands.ts';
import type { ApiDependencies } from './dependencies.ts';
import { createOnce } from './idempotency.ts';
import { notFound, Problem } from './problem.ts';
import { NEAR_MS, refused, refusedBy } from './refused.ts';
import { closedThen, priceOf, rulesSay } from './reschedule-terms.ts';
import type { Answer } from './route.ts';
import { requireSameChange } from './same-change.ts';
import type { NewRescheduleQuote, Reschedule } from './schemas/change.ts';
import { showBooking } from './show-booking.ts';

/** A booking's way to another time: quoted first, then confirmed. */

/** Long enough to read and confirm it; the new time is not held so long. */
const QUOTE_TTL_MS = 15 * 60_000;

/** What a quote says, and its change goes by. */
interface Quoted extends Omit<RescheduleAsk, 'quoteId' | 'payment'> {
  currency: string | null;
  /** Negative where money goes back. */
  dueMinor: number;
  /** What cancelling costs at the time it has: kept at least from then on. */
  feeMinor: number;
}

export interface AskedReschedule {
  ref: BookingRef;
  asked: z.output<typeof NewRescheduleQuote>;
}

export async function quoteReschedule(
  input: Parameters<typeof createOnce>[0],
  deps: ApiDependencies,
  by: AskedReschedule,
): Promise<Answer> {
  return createOnce(input, deps, {
    prepare: () => work(deps, by),
    create: async (tx, { found, terms }) => {
      const id = randomUUID();
      const expiresAt = found.nowAt + QUOTE_TTL_MS;
      await keepQuote(tx, {
        ...by.ref,
        id,
        kind: 'reschedule',
        terms: { ...terms },
        restsOn: found,
        expiresAt,
      });
      const { startAt, endAt, sessionId, party, amountMinor, currency, dueMinor } = terms;
      const body = {
        id,
        bookingId: by.ref.bookingId,
        startAt,
        endAt,
        sessionId,
        party,
        amountMinor,
        currency,
        chargeMinor: Math.max(0, dueMinor),
        refundMinor: Math.max(0, -dueMinor),
        validUntil: new Date(expiresAt).toISOString(),
      };
      return { status: 201, body };
    },
  });
}

async function work(
  deps: ApiDependencies,
  { ref, asked }: AskedReschedule,
): Promise<{ found: RescheduleCase; terms: Quoted }> {
  const found = await loadRescheduleCase(deps.database, ref);
  if (!found) throw notFound('booking');
  if (found.state !== 'confirmed')
    throw new Problem('not-reschedulable', { more: { state: found.state } });
  const { tenantId } = ref;
  const { resourceId } = found;
  const wanted = await sessionOf(deps, { tenantId, resourceId, sessionId: asked.sessionId });
  const rough = wanted ?? roughSpan(asked);
  const around = { startAt: rough.startAt - NEAR_MS, endAt: rough.endAt + NEAR_MS };
  const [from, to] = [instantsOf(around).startAt, instantsOf(around).endAt];
  const read = await readAvailability(deps.database, { tenantId, resourceId, from, to });
  if (!read) throw notFound('resource');
  const { facts } = read;
  // As availability sees it, places of holds that are over are free.
  const session = read.sessions?.find((one) => one.id === wanted?.id) ?? wanted;
  const span = session ?? spanIn(asked, facts, deps.zones);
  const party = asked.party ?? found.party;
  const { zones } = deps;
  const refusal = rulesSay(facts, { found, asked, span, party, session, zones });
  if (refusal)
    throw refusedBy(refusal, facts, {
      span,
      party,
      zones,
      linkedId: closedThen(facts, { asked, span, zones }),
    });
  const price = priceOf(facts, { found, asked, span, party, session, zones });
  const { bufferBeforeMs, bufferAfterMs } = facts.settings;
  const terms = {
    ...instantsOf(span),
    sessionId: session?.id ?? null,
    party,
    bufferBeforeMs,
    bufferAfterMs,
    ...(asked.override && { overrides: asked.override }),
    ...price,
  };
  const probed = await probeChange(deps.database.pool, {
    ...ref,
    ask: { ...terms, quoteId: null },
  });
  if (probed.kind === 'refused')
    throw refusedBy(probed.refusal, facts, { span, party, zones, linkedId: probed.linkedId });
  return { found, terms: { ...terms, dueMinor: probed.dueMinor, feeMinor: feeOf(found) } };
}

/** As if all were paid: a balance may still come. */
const feeOf = ({ terms, amountMinor, ...found }: RescheduleCase): number =>
  cancellationOf({
    ...found,
    tiers: terms.cancellation,
    priceMinor: amountMinor,
    paidMinor: amountMinor,
  }).keepMinor;

async function sessionOf(
  { database }: ApiDependencies,
  { sessionId, ...ref }: { tenantId: string; resourceId: string; sessionId: string | undefined },
): Promise<SessionFacts | null> {
  if (sessionId === undefined) return null;
  const row = await findSession(database, { ...ref, sessionId });
  if (!row || row.cancelledAt) throw refused({ refusal: 'no-such-session' });
  const price = row.price as SessionFacts['price'];
  const [startAt, endAt] = [row.startAt.getTime(), row.endAt.getTime()];
  return { id: row.id, startAt, endAt, capacity: row.capacity, taken: row.taken, price };
}

/** One change for one key: repeated, it answers what came of it. */
export async function reschedule(
  change: BookingRef & { changeId: string },
  asked: z.output<typeof Reschedule>,
  deps: ApiDependencies,
): Promise<Answer> {
  const { tenantId, bookingId } = change;
  const ref = { tenantId, bookingId };
  const found = await loadRescheduleCase(deps.database, ref);
  if (!found) throw notFound('booking');
  const { quoteId, reason } = asked;
  await requireSameChange(deps, change, { kind: 'reschedule', ask: { quoteId } });
  const quoted = await findQuote<Quoted>(deps.database, { ...ref, quoteId, kind: 'reschedule' });
  if (!quoted) throw quoteOver(bookingId);
  const { dueMinor, feeMinor: _, ...terms } = quoted;
  const payment = dueMinor > 0 ? await paymentOf(found, { change, asked, deps }) : null;
  const ask = { ...terms, quoteId, payment };
  const done = await asking(
    deps.commands.changeBooking({ ...change, reason, kind: 'reschedule', ask }),
  );
  if (done.kind !== 'done' && done.kind !== 'waiting') throw problemOf(done, bookingId);
  const row = await findBooking(deps.database, ref);
  const keys = done.kind === 'waiting' ? await browserKeysOf(deps, ref) : null;
  if (!row) throw notFound('booking');
  return {
    status: done.kind === 'waiting' ? 202 : 200,
    body: showBooking(row, tenantId, keys),
  };
}

interface Paying {
  change: BookingRef & { changeId: string };
  asked: z.output<typeof Reschedule>;
  deps: ApiDependencies;
}

async function paymentOf(
  found: RescheduleCase,
  { change, asked, deps }: Paying,
): Promise<DifferencePayment> {
  const given = asked.payment ?? (found.hasKeptMethod ? ({ kind: 'kept' } as const) : null);
  if (given === null || (given.kind === 'kept' && !found.hasKeptMethod))
    throw new Problem('payment-unsuitable', {
      detail:
        'The new time costs more, and no method was kept to charge it by: send `payment` of the kind `method`, `browser` or `external`.',
    });
  if (given.kind === 'kept' || given.kind === 'external') return given;
  const accountId =
    given.accountId === undefined && found.accountId !== null
      ? found.accountId
      : await choosePaymentAccount(deps.database, {
          tenantId: change.tenantId,
          accountId: given.accountId,
        });
  if (accountId === null)
    throw new Problem('unknown-reference', {
      detail: 'Name one of your payment accounts in `payment.accountId`.',
    });
  if (given.kind === 'method')
    await leaveChangeDraft(deps.database.pool, {
      ...change,
      payment: deps.vault.seal(changeDraftPlace(change), given.paymentMethod),
    });
  return { kind: given.kind, accountId };
}

/** With where a fresh one is asked for. */
export const quoteOver = (bookingId: string, kind = 'reschedule'): Problem =>
  new Problem('quote-over', { more: { quotes: `/v1/bookings/${bookingId}/${kind}-quotes` } });

function problemOf(
  answer: Exclude<ChangeAnswer, { kind: 'done' | 'waiting' }>,
  bookingId: string,
): Problem {
  switch (answer.kind) {
    case 'busy':
      return new Problem('change-under-way', { headers: { 'retry-after': '2' } });
    case 'refused':
      return refused(answer);
    case 'declined':
      return new Problem('payment-declined', { more: { code: answer.code } });
    case 'quote-over':
      return quoteOver(bookingId);
    case 'not-changeable':
      return new Problem('not-reschedulable', { more: { state: answer.state } });
    case 'no-such-booking':
      return notFound('booking');
    case 'too-much':
      return quoteOver(bookingId);
  }
}
