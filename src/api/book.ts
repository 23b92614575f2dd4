import type { HoldAnswer, StartBooking } from '../commands.ts';
import { nearestFree, refusalOf } from '../domain/availability.ts';
import type { Refusal } from '../domain/booking.ts';
import type { AvailabilityRead } from '../store/availability.ts';
import { readAvailability } from '../store/availability.ts';
import { leaveDraft } from '../store/drafts.ts';
import type { Claim, KeyUse } from '../store/idempotency.ts';
import { findKeyUse } from '../store/idempotency.ts';
import { choosePaymentAccount } from '../store/payment-accounts.ts';
import { spanOf, termsOf } from './booking-terms.ts';
import { asking } from './commands.ts';
import type { ApiDependencies } from './dependencies.ts';
import { inProgress } from './failures.ts';
import { createCoalescer, createLimiter } from './gate.ts';
import { bookingIdOf, canonicalJson } from './identity.ts';
import type { Metrics } from './metrics.ts';
import { notFound, Problem } from './problem.ts';
import type { NewBooking } from './schemas/booking.ts';

const STARTS_PER_RESOURCE = 16;
const ANSWER_TIMEOUT_MS = 10_000;
const NEAR_MS = 7 * 86_400_000;
const NEAREST_SHOWN = 3;

/** `repeated`: the key was answered before, or by a twin meanwhile. */
export interface Booked {
  bookingId: string;
  repeated: boolean;
}

export type Book = (claim: Claim, asked: NewBooking, deps: ApiDependencies) => Promise<Booked>;

/** The way of a booking to its hold; one per process, because the gate counts what is under way. */
export function createBook(metrics: Metrics): Book {
  const readOnce = createCoalescer<AvailabilityRead | null>();
  const limited = createLimiter(STARTS_PER_RESOURCE);

  /** Answers what the rules and the ledger say now, or throws a clear no. */
  const passGate = async (claim: Claim, asked: NewBooking, deps: ApiDependencies) => {
    const { resourceId, startAt, endAt } = asked;
    const ask = { tenantId: claim.tenantId, resourceId, ...around(asked) };
    const key = JSON.stringify([claim.tenantId, resourceId, startAt, endAt]);
    const read = await readOnce(key, () => readAvailability(deps.database, ask));
    if (!read) throw notFound('resource');
    const { zones } = deps;
    const refusal = refusalOf(read.facts, { span: spanOf(asked), party: asked.party, zones });
    if (refusal) {
      metrics.refused(refusal);
      throw refusedBy(refusal, read, { asked, deps });
    }
    return read.facts;
  };

  return async (claim, asked, deps) => {
    // Both are needed nearly always; the known key is looked at first.
    const [use, account] = await Promise.all([
      findKeyUse(deps.database, claim),
      accountFor(claim.tenantId, asked, deps),
    ]);
    const known = use && bookedBefore(use);
    if (known) return known;
    const bookingId = bookingIdOf(claim.tenantId, claim.key);
    try {
      const facts = await passGate(claim, asked, deps);
      const terms = termsOf(asked, facts, deps.zones);
      const paymentAccountId = requireAccount(asked, account);
      return await limited(`${claim.tenantId}/${asked.resourceId}`, async (waited) => {
        if (waited) await passGate(claim, asked, deps);
        await draft(claim.tenantId, { asked, bookingId }, deps);
        const { bufferBeforeMs, bufferAfterMs, holdTtlMs } = facts.settings;
        const { resourceId, startAt, endAt, party, payment } = asked;
        const answer = await withinTime(
          deps.commands.startBooking({
            ...claim,
            ...terms,
            bookingId,
            resourceId,
            startAt,
            endAt,
            party,
            bufferBeforeMs,
            bufferAfterMs,
            holdTtlMs,
            paymentAccountId,
            paymentKind: payment.kind,
            askedAt: new Date(deps.now()).toISOString(),
          } satisfies StartBooking),
        );
        if (answer.kind === 'refused') {
          // Lost to a rival after the gate, which now knows the nearest spans.
          await passGate(claim, asked, deps);
          metrics.refused(answer.refusal);
        }
        return settle(answer, bookingId);
      });
    } catch (error) {
      // What stands in the way may be this very booking, made by a twin after our first look.
      const twin = error instanceof Problem && (await findKeyUse(deps.database, claim));
      if (twin) return bookedBefore(twin);
      throw error;
    }
  };
}

/** Wide enough to find the nearest free spans in the same reading. */
const around = (asked: NewBooking) => ({
  from: new Date(Date.parse(asked.startAt) - NEAR_MS).toISOString(),
  to: new Date(Date.parse(asked.endAt) + NEAR_MS).toISOString(),
});

function bookedBefore(use: KeyUse): Booked {
  if (use.kind !== 'booking') throw new Problem('idempotency-mismatch');
  return { bookingId: use.bookingId, repeated: true };
}

const accountFor = async (
  tenantId: string,
  { payment }: NewBooking,
  { database }: ApiDependencies,
): Promise<string | null> =>
  payment.kind === 'method'
    ? choosePaymentAccount(database, { tenantId, accountId: payment.accountId })
    : null;

function requireAccount({ payment }: NewBooking, account: string | null): string | null {
  if (payment.kind === 'method' && account === null)
    throw new Problem('unknown-reference', {
      detail:
        'Name one of your payment accounts in `payment.accountId`; with exactly one it may be left out.',
    });
  return account;
}

/**
 * Leaves what must not stand in a history where the workflow's activities find it. The store tells
 * one key's payloads apart by fingerprint; a draft has none, so its contents are compared here.
 */
async function draft(
  tenantId: string,
  { asked, bookingId }: { asked: NewBooking; bookingId: string },
  { vault, database }: ApiDependencies,
): Promise<void> {
  const places = {
    guest: [tenantId, 'booking.guest', bookingId],
    payment: [tenantId, 'booking_draft.payment', bookingId],
  } as const;
  const plain = {
    guest: asked.guest ? canonicalJson(asked.guest) : null,
    payment: asked.payment.kind === 'method' ? asked.payment.paymentMethod : null,
  };
  const seal = (part: keyof typeof plain) =>
    plain[part] === null ? null : vault.seal(places[part], plain[part]);
  const other = await leaveDraft(database, {
    tenantId,
    bookingId,
    guest: seal('guest'),
    payment: seal('payment'),
  });
  if (!other) return;
  const left = (part: keyof typeof plain) =>
    other[part] === null ? null : vault.open(places[part], other[part]);
  if (left('guest') !== plain.guest || left('payment') !== plain.payment)
    throw new Problem('idempotency-mismatch');
}

async function withinTime(answer: Promise<HoldAnswer>): Promise<HoldAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(inProgress()), ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([asking(answer), late]);
  } finally {
    clearTimeout(timer);
  }
}

function settle(answer: HoldAnswer, bookingId: string): Booked {
  if (answer.kind === 'mismatch') throw new Problem('idempotency-mismatch');
  if (answer.kind === 'fenced') throw new Problem('given-up');
  if (answer.kind === 'refused')
    throw new Problem('not-available', { more: { refusal: answer.refusal, nearest: [] } });
  return { bookingId, repeated: answer.kind === 'repeat' };
}

const RULES: Partial<Record<Refusal, string>> = {
  closed: 'The resource is not open for the whole span.',
  'too-soon': 'The span begins sooner than the resource can be booked.',
  'too-large': 'The party is larger than the resource.',
};

function refusedBy(
  refusal: Refusal,
  { facts }: AvailabilityRead,
  { asked, deps }: { asked: NewBooking; deps: ApiDependencies },
): Problem {
  const span = spanOf(asked);
  const window = { startAt: span.startAt - NEAR_MS, endAt: span.endAt + NEAR_MS };
  const ask = { window, span, party: asked.party, zones: deps.zones, limit: NEAREST_SHOWN };
  const nearest = nearestFree(facts, ask).map((one) => ({
    startAt: new Date(one.startAt).toISOString(),
    endAt: new Date(one.endAt).toISOString(),
  }));
  const rule = RULES[refusal];
  const more = { refusal, nearest };
  if (rule) return new Problem('not-bookable', { detail: rule, more });
  if (refusal === 'beyond-horizon') return beyondHorizon(facts, more);
  return new Problem('not-available', { more });
}

/**
 * Also where availability, asked beyond the edge, worked out that nothing is there: a hold is checked
 * against what is stored, and nothing would notice an outside entry that comes between.
 */
function beyondHorizon(
  { knownUntilAt, nowAt }: AvailabilityRead['facts'],
  more: Record<string, unknown>,
): Problem {
  if (knownUntilAt === null || knownUntilAt <= nowAt)
    return new Problem('not-available', {
      detail:
        'A calendar of this resource was not read yet, or not lately enough to sell by. Look at `status` of its connections and repeat the request when each was read.',
      more,
    });
  return new Problem('not-available', {
    detail:
      'Bookings are taken up to `validUntil`, as far as outside calendars are kept, also where availability shows free time beyond it. Choose a span that ends before it, with the buffer after it, or ask again later: it moves on every day.',
    more: { ...more, validUntil: new Date(knownUntilAt).toISOString() },
  });
}
