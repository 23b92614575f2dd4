import type { AvailabilityFacts, Taken, Zones } from './availability.ts';
import type { Refusal } from './booking.ts';
import type { Interval } from './interval.ts';
import { overlaps } from './interval.ts';
import type { Override } from './rules.ts';
import { isDayFull } from './rules.ts';

/** A fixed time with a counter of its places. Instants are epoch milliseconds. */
export interface SessionFacts extends Interval {
  id: string;
  capacity: number;
  taken: number;
  /** For each place, in place of the resource's; null has the resource's. */
  price: { amountMinor: number; currency: string } | null;
}

export const placesLeft = ({ capacity, taken }: SessionFacts): number =>
  Math.max(0, capacity - taken);

type Facts = Omit<AvailabilityFacts, 'linked'>;

export interface AskPlaces {
  party: number;
  zones: Zones;
  overrides?: readonly Override[];
}

/** Why so many places of a session cannot be had, or null when they can. Buffers are its owner's. */
export function sessionRefusal(
  session: SessionFacts,
  facts: Facts,
  { party, zones, overrides = [] }: AskPlaces,
): Refusal | null {
  const { settings, nowAt, knownUntilAt } = facts;
  if (session.startAt <= nowAt) return 'session-over';
  if (party > session.capacity) return 'too-large';
  const { noticeMs, windowMs } = settings;
  if (session.startAt < nowAt + noticeMs && !overrides.includes('notice')) return 'too-soon';
  if (session.startAt >= nowAt + (windowMs ?? Infinity) && !overrides.includes('window'))
    return 'too-early';
  if (isDayFull(facts, session.startAt, zones) && !overrides.includes('day-limit'))
    return 'day-full';
  if (knownUntilAt !== null && session.endAt > knownUntilAt) return 'beyond-horizon';
  const hits = facts.taken.filter((one) => isOutside(one) && overlaps(one, session));
  if (hits.some((one) => one.by === 'busy')) return 'busy';
  if (hits.length > 0) return 'blocked';
  return party > placesLeft(session) ? 'session-full' : null;
}

const isOutside = (one: Taken): boolean => one.by !== 'occupancy';
