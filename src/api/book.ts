import type { HoldAnswer, StartBooking } from '../commands.ts';
import { refusalOf } from '../domain/availability.ts';
import type { Interval } from '../domain/interval.ts';
import type { AvailabilityRead } from '../store/availability.ts';
import { readAvailability } from '../store/availability.ts';
import type { Claim, KeyUse } from '../store/idempotency.ts';
import { findKeyUses } from '../store/idempotency.ts';
import { choosePaymentAccount } from '../store/payment-accounts.ts';
import { findSession } from '../store/sessions.ts';
import type { AskedTime } from './asked-time.ts';
import { instantsOf, roughSpan, spanIn } from './asked-time.ts';
import type { Caller } from './auth.ts';
import { leaveBookingDraft } from './booking-draft.ts';
import { termsOf } from './booking-terms.ts';
import { asking } from './commands.ts';
import type { ApiDependencies } from './dependencies.ts';
import { inProgress } from './failures.ts';
import { createBatcher, createCoalescer, createRivalry, type Rivals } from './gate.ts';
import { bookingIdOf } from './identity.ts';
import type { Load } from './load.ts';
import type { Metrics } from './metrics.ts';
import { notFound, Problem } from './problem.ts';
import { NEAR_MS, refused, refusedBy } from './refused.ts';
import type { NewBooking } from './schemas/booking.ts';
import { bookableSession } from './session-booking.ts';

const ANSWER_TIMEOUT_MS = 10_000;

/** `repeated`: the key was answered before, or by a twin meanwhile. */
export interface Booked {
  bookingId: string;
  repeated: boolean;
}

/** What is asked for, and by whom. */
export interface Asked {
  asked: NewBooking;
  caller: Pick<Caller, 'keyId' | 'fingerprintKey'>;
}

export type Book = (claim: Claim, by: Asked, deps: ApiDependencies) => Promise<Booked>;

/** What the rules and the ledger say before a hold is asked for. */
interface Passed {
  facts: AvailabilityRead['facts'];
  span: Interval;
  placePrice: Price | null;
}

type PassGate = (
  claim: Claim,
  { asked, hasBegun }: { asked: NewBooking; hasBegun?: 'begun' },
  deps: ApiDependencies,
) => Promise<Passed>;

type Price = { amountMinor: number; currency: string };

/** Rivals for one span share a reading; throws a clear no. */
function createGate(metrics: Metrics, load: Load): PassGate {
  const readOnce = createCoalescer<AvailabilityRead | null>();
  const sessionOnce = createCoalescer<Awaited<ReturnType<typeof findSession>>>();

  return async (claim, { asked, hasBegun }, deps) => {
    const { resourceId, sessionId } = asked;
    const ref = { tenantId: claim.tenantId, resourceId };
    const session =
      sessionId === undefined
        ? null
        : await sessionOnce(JSON.stringify({ ...ref, sessionId, hasBegun }), () =>
            load.look(() => findSession(deps.database, { ...ref, sessionId }), hasBegun),
          );
    const ask = {
      ...ref,
      ...around(sessionId === undefined ? asked : timeOf(session, deps.now())),
    };
    // Who has begun waits for no reading of those who have only come.
    const read = await readOnce(JSON.stringify({ ...ask, hasBegun }), () =>
      load.look(() => readAvailability(deps.database, ask), hasBegun),
    );
    if (!read) throw notFound('resource');
    const { zones } = deps;
    const { facts } = read;
    const { party, override: overrides = [] } = asked;
    if (sessionId !== undefined) {
      const found = bookableSession(read, { sessionId, party, zones, overrides });
      if ('session' in found) {
        const { startAt, endAt, price } = found.session;
        return { facts, span: { startAt, endAt }, placePrice: price };
      }
      metrics.refused(found.refusal);
      throw found.problem;
    }
    const span = spanIn(asked, facts, zones);
    const refusal = refusalOf(facts, { span, party, zones, overrides });
    if (refusal) {
      metrics.refused(refusal);
      throw refusedBy(refusal, facts, { span, party, zones, overrides });
    }
    return { facts, span, placePrice: null };
  };
}

interface Way {
  metrics: Metrics;
  load: Load;
  database: ApiDependencies['database'];
}

/** The way of a booking to its hold; one per process, because the gate counts what is under way. */
export function createBook({ metrics, load, database }: Way): Book {
  const passGate = createGate(metrics, load);
  const accountFor = createAccountFor(load);
  const keyUseOf = createBatcher<Claim, KeyUse | null>((claims) => findKeyUses(database, claims));
  const among = createRivalry();

  const begin = async (
    claim: Claim,
    { rivals, ...by }: Beginning & { rivals: Rivals },
    deps: ApiDependencies,
  ): Promise<Booked> => {
    const { asked } = by;
    const bookingId = bookingIdOf(claim.tenantId, claim.key);
    try {
      const start = { ...claim, bookingId, ...startOf(by, deps) };
      return await load.inLine(`${claim.tenantId}/${asked.resourceId}`, async () => {
        // What the crowd at the gate shared is out of date when one of it had what it wanted.
        if (rivals.haveTried()) await passGate(claim, { asked, hasBegun: 'begun' }, deps);
        await load.look(
          () => leaveBookingDraft(claim.tenantId, { ...by, bookingId }, deps),
          'begun',
        );
        const starting = withinTime(deps.commands.startBooking(start));
        const answer = await starting.finally(rivals.tried);
        if (answer.kind === 'refused') {
          // Lost to a rival after the gate, which now knows the nearest spans.
          await passGate(claim, { asked, hasBegun: 'begun' }, deps);
          metrics.refused(answer.refusal);
        }
        return settle(answer, bookingId);
      });
    } catch (error) {
      return bookedAnyway(claim, error, keyUseOf);
    }
  };

  const book = async (claim: Claim, by: Asked & { rivals: Rivals }, deps: ApiDependencies) => {
    const { asked } = by;
    // Most of a crowd is told no, by a reading that it shares.
    const passed = await passGate(claim, { asked }, deps).catch((no: unknown) =>
      bookedAnyway(claim, no, keyUseOf),
    );
    if ('bookingId' in passed) return passed;
    const [use, account] = await Promise.all([
      keyUseOf(claim),
      accountFor(claim.tenantId, asked, deps),
    ]);
    const known = use && bookedBefore(use);
    // A booking that is there is answered for, whatever the load.
    return known ?? (await load.begin(() => begin(claim, { ...by, account, passed }, deps)));
  };
  return (claim, by, deps) =>
    among(`${claim.tenantId}/${by.asked.resourceId}`, (rivals) =>
      book(claim, { ...by, rivals }, deps),
    );
}

type Beginning = Asked & { account: string | null; passed: Passed };

/** What the booking is, as it was asked for, agreed and priced. */
function startOf(
  { asked, caller, account, passed }: Beginning,
  { zones }: ApiDependencies,
): Omit<StartBooking, keyof Claim | 'bookingId'> {
  const { facts, span, placePrice } = passed;
  const { bufferBeforeMs, bufferAfterMs, holdTtlMs } = facts.settings;
  const { resourceId, party, payment, override } = asked;
  return {
    ...termsOf(facts, { asked, span, zones, placePrice }),
    resourceId,
    ...instantsOf(span),
    party,
    bufferBeforeMs,
    bufferAfterMs,
    holdTtlMs,
    sessionId: asked.sessionId ?? null,
    madeBy: caller.keyId,
    ...(override && { overrides: override }),
    paymentAccountId: requireAccount(asked, account),
    paymentKind: payment.kind,
    ...(payment.kind === 'method' && payment.payerPresent && { payerPresent: true }),
    // The database judges how old it is, so it is told by its own clock.
    askedAt: new Date(facts.nowAt).toISOString(),
  };
}

/** A crowd pays through one account, which is looked for once for all who come together. */
function createAccountFor(load: Load) {
  const once = createCoalescer<string | null>();
  return (tenantId: string, { payment }: NewBooking, deps: ApiDependencies) => {
    if (payment.kind !== 'method' && payment.kind !== 'browser') return null;
    const of = { tenantId, accountId: payment.accountId };
    return once(JSON.stringify(of), () => load.look(() => choosePaymentAccount(deps.database, of)));
  };
}

/** What stands in the way may be this very booking, made before or by a twin meanwhile. */
async function bookedAnyway(
  claim: Claim,
  no: unknown,
  keyUseOf: (claim: Claim) => Promise<KeyUse | null>,
): Promise<Booked> {
  const isAnswer = no instanceof Problem && no.problem !== 'overloaded';
  const use = isAnswer && (await keyUseOf(claim));
  if (use) return bookedBefore(use);
  throw no;
}

/** Of a session that there is not, the others about now are looked for. */
const timeOf = (session: { startAt: Date; endAt: Date } | null, now: number): AskedTime =>
  instantsOf({
    startAt: session?.startAt.getTime() ?? now,
    endAt: session?.endAt.getTime() ?? now,
  });

/** Wide enough to find the nearest free spans in the same reading. */
function around(asked: AskedTime): { from: string; to: string } {
  const span = roughSpan(asked);
  const { startAt: from, endAt: to } = instantsOf({
    startAt: span.startAt - NEAR_MS,
    endAt: span.endAt + NEAR_MS,
  });
  return { from, to };
}

function bookedBefore(use: KeyUse): Booked {
  if (use.kind !== 'booking') throw new Problem('idempotency-mismatch');
  return { bookingId: use.bookingId, repeated: true };
}

function requireAccount({ payment }: NewBooking, account: string | null): string | null {
  const isNeeded = payment.kind === 'method' || payment.kind === 'browser';
  if (isNeeded && account === null)
    throw new Problem('unknown-reference', {
      detail:
        'Name one of your payment accounts in `payment.accountId`; with exactly one it may be left out.',
    });
  return account;
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
  if (answer.kind === 'refused') throw refused(answer);
  return { bookingId, repeated: answer.kind === 'repeat' };
}
