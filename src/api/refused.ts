import type { Refused } from '../commands.ts';
import type { AvailabilityFacts, Zones } from '../domain/availability.ts';
import { nearestFree } from '../domain/availability.ts';
import type { Refusal } from '../domain/booking.ts';
import type { Interval } from '../domain/interval.ts';
import { linkedInTheWay } from '../domain/linked.ts';
import { dayOf } from '../domain/local-days.ts';
import { nightRulesOf, nightRulesOn } from '../domain/nights.ts';
import { openWindows } from '../domain/opening.ts';
import type { Override } from '../domain/rules.ts';
import { instantsOf } from './asked-time.ts';
import type { ProblemName } from './problem.ts';
import { Problem } from './problem.ts';

export const NEAR_MS = 7 * 86_400_000;
const NEAREST_SHOWN = 3;

/** What each refusal is called by its problem, and says to a person. */
const REFUSED: Record<Refusal, readonly [ProblemName, string]> = {
  'no-such-resource': ['not-available', 'The resource is gone, or archived.'],
  taken: ['not-available', 'Other bookings or holds have what is asked for.'],
  busy: ['not-available', 'An outside calendar has an event there.'],
  blocked: ['not-available', 'The owner has closed the span.'],
  closed: ['not-bookable', 'The resource is not open for the whole span.'],
  'too-soon': ['not-bookable', 'The span begins sooner than the resource can be booked.'],
  'too-early': ['not-bookable', 'The span begins later than can be booked yet.'],
  'too-large': ['not-bookable', 'The party is larger than the resource.'],
  'too-short': ['not-bookable', 'The booking is shorter than the resource is sold for.'],
  'too-long': ['not-bookable', 'The booking is longer than the resource is sold for.'],
  'not-by-the-night': [
    'not-bookable',
    'The resource is sold by the night: begin at check-in and end at check-out, or send arrivalDay and departureDay.',
  ],
  'closed-to-arrival': ['not-bookable', 'No stay may begin on that day.'],
  'closed-to-departure': ['not-bookable', 'No stay may end on that day.'],
  'day-full': ['not-available', 'As many bookings begin on that day as may.'],
  'linked-taken': [
    'not-available',
    'Something that is booked together with it cannot be had then: `linkedId` says what.',
  ],
  'no-such-session': ['not-bookable', 'The resource sells places of sessions: book one of them.'],
  'session-over': ['not-bookable', 'The session has begun, or is over.'],
  'session-full': ['not-available', 'The session has not so many places left.'],
  'holds-of-key': [
    'not-available',
    'This API key has as many open holds as it may: pay or give up some, or wait until they end.',
  ],
  'holds-of-reference': [
    'not-available',
    'This customer has as many open holds as they may: pay or give up some, or wait until they end.',
  ],
  'holds-of-resource': [
    'not-available',
    'The resource has as many open holds as it may: ask again when some have ended.',
  ],
  'beyond-horizon': [
    'not-available',
    'Bookings are taken up to `validUntil`, as far as outside calendars are kept, also where availability shows free time beyond it. Choose a span that ends before it, with the buffer after it, or ask again later: it moves on every day.',
  ],
};

interface Asked {
  span: Interval;
  party: number;
  zones: Zones;
  overrides?: readonly Override[];
}

/** A clear no: which rule, what it allows, and what is nearest. */
export function refusedBy(
  refusal: Refusal,
  facts: AvailabilityFacts,
  { linkedId, ...asked }: Asked & { linkedId?: string | undefined },
): Problem {
  const { span } = asked;
  const window = { startAt: span.startAt - NEAR_MS, endAt: span.endAt + NEAR_MS };
  const nearest = nearestFree(facts, { ...asked, window, limit: NEAREST_SHOWN });
  const rule = ruleOf(refusal, facts, asked);
  return refused(
    { refusal },
    {
      nearest: nearest.map(instantsOf),
      ...(rule && { rule }),
      ...(refusal === 'linked-taken' && { linkedId: linkedId ?? inTheWay(facts, asked) }),
      ...(refusal === 'beyond-horizon' && horizonOf(facts)),
    },
  );
}

/** One that the ledger gave after the rules had let it pass. */
export function refused(
  { refusal, linkedId }: Refused,
  more: Record<string, unknown> = {},
): Problem {
  const [problem, detail] = REFUSED[refusal];
  return new Problem(problem, {
    detail,
    more: { refusal, ...(linkedId !== undefined && { linkedId }), nearest: [], ...more },
  });
}

/** As a customer is told: nothing of what else is booked with it. */
export async function asTheirs<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Problem) || error.extras.more?.['refusal'] !== 'linked-taken')
      throw error;
    const { linkedId: _, ...more } = error.extras.more;
    throw new Problem(error.problem, { ...error.extras, detail: NOT_THEN, more });
  }
}

const NOT_THEN = 'Something that is booked together with it cannot be had then.';

const inTheWay = ({ linked = [] }: AvailabilityFacts, asked: Asked): string | undefined =>
  linkedInTheWay(linked, asked) ?? undefined;

/** Of the rule that refused: what it would allow. */
function ruleOf(refusal: Refusal, facts: AvailabilityFacts, { span, zones }: Asked): object | null {
  const { settings, nowAt, capacity } = facts;
  const place = { timeZone: facts.timeZone, zones };
  const nights = nightRulesOf(settings);
  const ofArrival = nights && nightRulesOn(nights, dayOf(span.startAt, place));
  const { minDurationMs, maxDurationMs, maxPerDay, windowMs } = settings;
  switch (refusal) {
    case 'too-large':
      return { capacity };
    case 'too-soon':
      return { startFrom: instant(nowAt + settings.noticeMs) };
    case 'too-early':
      return {
        startBefore: instant(nowAt + windowMs!),
        bookableAfter: instant(span.startAt - windowMs!),
      };
    case 'too-short':
    case 'too-long':
      return ofArrival
        ? { minNights: ofArrival.minNights, maxNights: ofArrival.maxNights }
        : { minDurationMs, maxDurationMs };
    case 'not-by-the-night':
      return (
        nights && { checkIn: nights.checkIn, checkOut: nights.checkOut, timeZone: facts.timeZone }
      );
    case 'closed-to-arrival':
      return ofArrival && { closedToArrival: ofArrival.closedToArrival };
    case 'closed-to-departure':
      return (
        nights && {
          closedToDeparture: nightRulesOn(nights, dayOf(span.endAt, place)).closedToDeparture,
        }
      );
    case 'closed':
      return nights ? null : { open: openWindows(facts, { window: span, zones }).map(instantsOf) };
    case 'day-full':
      return { maxPerDay };
    default:
      return null;
  }
}

/**
 * Also where availability, asked beyond the edge, worked out that nothing is there: a hold is checked
 * against what is stored, and nothing would notice an outside entry that comes between.
 */
function horizonOf({ knownUntilAt, nowAt }: AvailabilityFacts): Record<string, unknown> {
  if (knownUntilAt !== null && knownUntilAt > nowAt) return { validUntil: instant(knownUntilAt) };
  return {
    detail:
      'A calendar of this resource was not read yet, or not lately enough to sell by. Look at `status` of its connections and repeat the request when each was read.',
  };
}

const instant = (at: number): string => new Date(at).toISOString();
