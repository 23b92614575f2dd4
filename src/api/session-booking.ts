import type { Refusal } from '../domain/booking.ts';
import type { SessionFacts } from '../domain/session.ts';
import { placesLeft, sessionRefusal } from '../domain/session.ts';
import type { AskPlaces } from '../domain/session.ts';
import type { AvailabilityRead } from '../store/availability.ts';
import { instantsOf } from './asked-time.ts';
import { pageOf } from './page.ts';
import type { Problem } from './problem.ts';
import { refused } from './refused.ts';
import { positionOf } from './session-page.ts';

const NEAREST_SHOWN = 3;

type AskSession = AskPlaces & { sessionId: string };

/** The session that is asked for, or a clear no with the nearest ones that have places left. */
export function bookableSession(
  { facts, sessions }: Pick<AvailabilityRead, 'facts' | 'sessions'>,
  { sessionId, ...asked }: AskSession,
): { session: SessionFacts } | { refusal: Refusal; problem: Problem } {
  const session = sessions?.find((one) => one.id === sessionId);
  const refusal = session ? sessionRefusal(session, facts, asked) : 'no-such-session';
  if (session && refusal === null) return { session };
  const at = session?.startAt ?? facts.nowAt;
  const nearest = (sessions ?? [])
    .filter((one) => sessionRefusal(one, facts, asked) === null)
    .toSorted((a, b) => Math.abs(a.startAt - at) - Math.abs(b.startAt - at))
    .slice(0, NEAREST_SHOWN)
    .map((one) => ({ sessionId: one.id, ...instantsOf(one), placesLeft: placesLeft(one) }));
  return { refusal: refusal!, problem: refused({ refusal: refusal! }, { nearest }) };
}

/**
 * As availability lists them: `refusal` says why so many places cannot be had, `next` where the list
 * goes on.
 */
export function listedSessions(
  { facts, sessions }: Pick<AvailabilityRead, 'facts' | 'sessions'>,
  { party, zones, limit }: AskPlaces & { limit: number },
) {
  const { items, next } = pageOf(sessions ?? [], {
    limit,
    keyOf: (one) => positionOf({ id: one.id, ...instantsOf(one) }),
    show: (one) => ({
      id: one.id,
      ...instantsOf(one),
      capacity: one.capacity,
      placesLeft: placesLeft(one),
      price: one.price,
      refusal: sessionRefusal(one, facts, { party, zones }),
    }),
  });
  return { sessions: items, ...(next !== null && { next }) };
}
