import type { Zones } from './availability.ts';
import { WEEKDAYS } from './resource.ts';
import type { Weekday } from './resource.ts';

/** Days of a zone's calendar, numbered since 1970-01-01: they have no length in hours. */
export const DAY_SECONDS = 86_400;

export interface Place {
  timeZone: string;
  zones: Zones;
}

export const dayOf = (at: number, { timeZone, zones }: Place): number =>
  Math.floor(zones.toWall(at, timeZone) / DAY_SECONDS);

/** The instant at which clocks show `HH:MM` on a day; `24:00` is the next day's midnight. */
export const instantOn = (day: number, clock: string, { timeZone, zones }: Place): number =>
  zones.toInstant(day * DAY_SECONDS + secondsOf(clock), timeZone);

export const weekdayOf = (day: number): Weekday => WEEKDAYS[(((day + 3) % 7) + 7) % 7]!;

/*
 Between `YYYY-MM-DD` and days since 1970-01-01. Years begin in March here, so that a leap day is the
 last day of its year, and 146,097 days are 400 years.
*/
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;

export function dayOfText(text: string): number {
  const [year = 0, month = 0, date = 0] = text.split('-').map(Number);
  const marchYear = month <= 2 ? year - 1 : year;
  const marchMonth = month <= 2 ? month + 9 : month - 3;
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return 365 * marchYear + leapDays + daysBefore(marchMonth) + date - 1 - EPOCH_DAYS;
}

export function textOfDay(day: number): string {
  const era = Math.floor((day + EPOCH_DAYS) / ERA_DAYS);
  const ofEra = day + EPOCH_DAYS - era * ERA_DAYS;
  const leapDays =
    Math.floor(ofEra / 1_460) - Math.floor(ofEra / 36_524) + Math.floor(ofEra / 146_096);
  const marchYear = Math.floor((ofEra - leapDays) / 365);
  const ofYear =
    ofEra - (365 * marchYear + Math.floor(marchYear / 4) - Math.floor(marchYear / 100));
  const marchMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = marchYear + era * 400 + (month <= 2 ? 1 : 0);
  const parts = [padded(year, 4), padded(month, 2), padded(ofYear - daysBefore(marchMonth) + 1, 2)];
  return parts.join('-');
}

/** Days of a year before a month, counted from March: 31, 61, 92, … */
const daysBefore = (marchMonth: number): number => Math.floor((153 * marchMonth + 2) / 5);
const padded = (value: number, width: number): string => String(value).padStart(width, '0');

/** Of those that name the day, both ends included, the last one. */
export const lastNaming = <T extends { fromDay: string; toDay: string }>(
  all: readonly T[],
  day: number,
): T | undefined => {
  if (all.length === 0) return undefined;
  const text = textOfDay(day);
  return all.findLast((one) => one.fromDay <= text && text <= one.toDay);
};

export const secondsOf = (clock: string): number =>
  Number(clock.slice(0, 2)) * 3_600 + Number(clock.slice(3, 5)) * 60;
