import type { Interval } from './interval.ts';
import { ANY_UNIT } from './units.ts';

/** Who keeps the time when outside events lie over confirmed bookings. */

export const DECISIONS = ['ours', 'theirs'] as const;
export type Decision = (typeof DECISIONS)[number];

export const DECIDERS = ['rule', 'operator', 'deadline'] as const;
export type Decider = (typeof DECIDERS)[number];

/** Why only a person decides, whatever the rule: it looks like a copy of ours, or there are too many. */
export const ASKED_BECAUSE = ['copy', 'mass'] as const;
export type AskedBecause = (typeof ASKED_BECAUSE)[number];

/** How a conflict ended. `gone`: the outside event no longer takes the time. */
export const CONFLICT_OUTCOMES = [
  'kept-ours',
  'moved',
  'cancelled',
  'gone',
  'booking-over',
] as const;
export type ConflictOutcome = (typeof CONFLICT_OUTCOMES)[number];

/** How a conflict stands. */
export type Weighed =
  | { kind: 'settled'; outcome: ConflictOutcome }
  /** The booking gives way. */
  | { kind: 'theirs' }
  /** `forMs`: until it is to be looked at again; null where a person decides without a deadline. */
  | { kind: 'wait'; for: 'person' | 'hold'; forMs: number | null };

/** What decides between two that want the same time. */
export interface Claim {
  /** Of the connection, or the resource's for our bookings. */
  priority: number;
  /** The channel's time of the event's last change, or when our booking got its time; null: unknown. */
  sinceAt: number | null;
  /** Of everything that claims time; no two are the same. */
  id: string;
}

/** A total order: priority, then who was there first, then the id. */
export function isStronger(one: Claim, other: Claim): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority;
  const [first, second] = [one.sinceAt ?? Infinity, other.sinceAt ?? Infinity];
  return first === second ? one.id < other.id : first < second;
}

export interface TimeClaim extends Claim {
  spans: readonly Interval[];
  /** Null: everything; `ANY_UNIT` among them: any one. */
  units: readonly number[] | null;
}

/**
 * Whether a booking gives way by the key: at some moment of its time what is stronger leaves no place
 * for it. Only what is stronger counts, so that the order in which claims came does not.
 */
export function isOutranked(
  ours: TimeClaim & { units: readonly number[] },
  others: readonly TimeClaim[],
  capacity: number,
): boolean {
  const stronger = others.filter((one) => one.id !== ours.id && isStronger(one, ours));
  const moments = [ours, ...stronger].flatMap(({ spans }) => spans.map((one) => one.startAt));
  return moments.some((at) => {
    if (!isThere(ours, at)) return false;
    const there = stronger.filter((one) => isThere(one, at));
    if (there.some(({ units }) => units === null || units.some((u) => ours.units.includes(u))))
      return true;
    const somewhere = there.filter(({ units }) => units!.includes(ANY_UNIT)).length;
    const taken = new Set(there.flatMap(({ units }) => units!).filter((u) => u !== ANY_UNIT));
    return somewhere > 0 && somewhere + taken.size + ours.units.length > capacity;
  });
}

const isThere = ({ spans }: TimeClaim, at: number): boolean =>
  spans.some(({ startAt, endAt }) => startAt <= at && at < endAt);

/** Within an hour a calendar decides over so many bookings at most, and over no more than a half. */
const MASS = 20;
const MASS_FROM = 3;

/** More than what somebody's day makes: a calendar pasted or connected by mistake. */
export const isMassConflict = (inConflict: number, ofBookings: number): boolean =>
  inConflict > MASS || (inConflict >= MASS_FROM && inConflict * 2 > ofBookings);
