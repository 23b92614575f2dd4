import type { AvailabilityFacts, Zones } from './availability.ts';
import type { Refusal } from './booking.ts';
import type { Interval } from './interval.ts';
import { subtract } from './interval.ts';
import { dayOf, instantOn } from './local-days.ts';
import { daysRefusal, lengthRefusal, nightRulesOf, stayOf } from './nights.ts';
import { isOpen } from './units.ts';

/** When and how long bookings may be, whatever is taken. */

/** Rules that staff may pass over; what is taken, and what nobody knows, stays. */
export const OVERRIDES = [
  'notice',
  'window',
  'opening',
  'length',
  'arrival-days',
  'check-in-times',
  'day-limit',
] as const;
export type Override = (typeof OVERRIDES)[number];

export type RuleFacts = Omit<AvailabilityFacts, 'taken' | 'knownUntilAt' | 'linked'>;

interface AskRules {
  span: Interval;
  party: number;
  zones: Zones;
  overrides?: readonly Override[];
}

/** The first rule that a span breaks, or null. */
export function ruleRefusal(facts: RuleFacts, ask: AskRules): Refusal | null {
  if (ask.party > facts.capacity) return 'too-large';
  const passed = new Set(ask.overrides);
  for (const [override, refusal] of CHECKS) {
    if (override !== null && passed.has(override)) continue;
    const found = refusal(facts, ask);
    if (found) return found;
  }
  return null;
}

type Check = (facts: RuleFacts, ask: AskRules) => Refusal | null;

const CHECKS: readonly (readonly [Override | null, Check])[] = [
  [null, ({ settings }) => (settings.soldBy === 'session' ? 'no-such-session' : null)],
  ['check-in-times', checkInRefusal],
  ['length', spanLengthRefusal],
  ['arrival-days', arrivalDaysRefusal],
  [
    'notice',
    ({ nowAt, settings }, { span }) => refuse(span.startAt < nowAt + settings.noticeMs, 'too-soon'),
  ],
  ['window', (facts, { span }) => refuse(span.startAt >= windowEndsAt(facts), 'too-early')],
  ['opening', (facts, ask) => refuse(!isOpen(facts, ask), 'closed')],
  [
    'day-limit',
    (facts, { span, zones }) => refuse(isDayFull(facts, span.startAt, zones), 'day-full'),
  ],
];

const refuse = (is: boolean, refusal: Refusal): Refusal | null => (is ? refusal : null);

function checkInRefusal(facts: RuleFacts, { span, zones }: AskRules): Refusal | null {
  const nights = nightRulesOf(facts.settings);
  if (!nights) return null;
  return refuse(!stayOf(span, nights, placeOf(facts, zones)).isExact, 'not-by-the-night');
}

function spanLengthRefusal(facts: RuleFacts, { span, zones }: AskRules): Refusal | null {
  const { minDurationMs, maxDurationMs } = facts.settings;
  const nights = nightRulesOf(facts.settings);
  if (nights) return lengthRefusal(nights, stayOf(span, nights, placeOf(facts, zones)));
  const durationMs = span.endAt - span.startAt;
  if (minDurationMs !== null && durationMs < minDurationMs) return 'too-short';
  return refuse(maxDurationMs !== null && durationMs > maxDurationMs, 'too-long');
}

function arrivalDaysRefusal(facts: RuleFacts, { span, zones }: AskRules): Refusal | null {
  const nights = nightRulesOf(facts.settings);
  return nights && daysRefusal(nights, stayOf(span, nights, placeOf(facts, zones)));
}

/** Bookings begin before this. */
export const windowEndsAt = ({ settings, nowAt }: RuleFacts): number =>
  settings.windowMs === null ? Infinity : nowAt + settings.windowMs;

/** The local day that an instant is of, from midnight to midnight. */
export function dayAround(at: number, facts: Pick<RuleFacts, 'timeZone'>, zones: Zones): Interval {
  const place = placeOf(facts, zones);
  const day = dayOf(at, place);
  return { startAt: instantOn(day, '00:00', place), endAt: instantOn(day, '24:00', place) };
}

/** Whether as many bookings begin on the local day of an instant as may. */
export function isDayFull(facts: RuleFacts, at: number, zones: Zones): boolean {
  const { maxPerDay } = facts.settings;
  if (maxPerDay === null || facts.begins.length < maxPerDay) return false;
  const day = dayAround(at, facts, zones);
  const count = facts.begins.filter((one) => day.startAt <= one && one < day.endAt).length;
  return count >= maxPerDay;
}

const MINUTE_MS = 60_000;

/** When bookings may begin, in whole minutes, so that an answer stays the same between two of them. */
export function startable(facts: RuleFacts, { window, zones }: { window: Interval; zones: Zones }) {
  const { settings, nowAt } = facts;
  const earliestAt = Math.ceil((nowAt + settings.noticeMs) / MINUTE_MS) * MINUTE_MS;
  const latestAt = Math.floor(windowEndsAt(facts) / MINUTE_MS) * MINUTE_MS;
  const range = {
    startAt: Math.max(window.startAt, earliestAt),
    endAt: Math.min(window.endAt, latestAt),
  };
  if (range.startAt >= range.endAt) return [];
  return settings.maxPerDay === null ? [range] : subtract([range], fullDays(facts, zones));
}

function fullDays(facts: RuleFacts, zones: Zones): Interval[] {
  const days = new Map<number, Interval>();
  for (const at of facts.begins) {
    const day = dayAround(at, facts, zones);
    if (!days.has(day.startAt) && isDayFull(facts, at, zones)) days.set(day.startAt, day);
  }
  return [...days.values()];
}

const placeOf = ({ timeZone }: Pick<RuleFacts, 'timeZone'>, zones: Zones) => ({ timeZone, zones });
