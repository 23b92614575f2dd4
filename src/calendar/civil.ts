/**
 * Integer arithmetic on the proleptic Gregorian calendar. A wall time is counted in seconds since
 * 1970-01-01T00:00:00 on a clock that knows no zone; zones are applied afterwards.
 */
export const DAY_SECONDS = 86_400;

export interface CivilDate {
  year: number;
  /** 1–12. */
  month: number;
  /** 1–31. */
  day: number;
}

/** Days since 1970-01-01, exact for every year (era arithmetic over 400-year cycles). */
export function dayNumber(date: CivilDate): number {
  const year = date.month <= 2 ? date.year - 1 : date.year;
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const monthFromMarch = (date.month + 9) % 12;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + date.day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

export function civilDate(day: number): CivilDate {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}

/** 0 is Sunday; 1970-01-01 was a Thursday. */
export const weekdayOf = (day: number): number => modulo(day + 4, 7);

export const isLeap = (year: number): boolean =>
  year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

export const modulo = (value: number, by: number): number => ((value % by) + by) % by;

const LOCAL =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:T(\d{2}):?(\d{2})(?::?(\d{2}))?(?:\.(\d{1,9}))?(Z)?)?$/i;

export interface WallReading {
  /** Seconds; a fraction is kept. */
  wall: number;
  hasTime: boolean;
  isUtc: boolean;
}

/**
 * Reads the basic (`20261201T100000Z`) and extended (`2026-12-01T10:00:00Z`) forms of ISO 8601 that
 * calendars use (RFC 5545 §3.3.4–5). A leap second counts as the second before it. Null when the
 * text is no real date or time.
 */
export function readWall(text: string): WallReading | null {
  const match = LOCAL.exec(text.trim());
  if (!match) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zulu] = match;
  const date = { year: Number(year), month: Number(month), day: Number(day) };
  if (date.year < 1 || date.month < 1 || date.month > 12) return null;
  if (date.day < 1 || date.day > daysInMonth(date.year, date.month)) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const time =
    Number(hour) * 3600 +
    Number(minute) * 60 +
    Math.min(Number(second), 59) +
    Number(`.${fraction}`);
  return {
    wall: dayNumber(date) * DAY_SECONDS + time,
    hasTime: match[4] !== undefined,
    isUtc: zulu !== undefined,
  };
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

/** `YYYY-MM-DD` of a wall time. */
export function dateText(wall: number): string {
  const { year, month, day } = civilDate(Math.floor(withinYears(wall) / DAY_SECONDS));
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** `YYYY-MM-DDTHH:MM:SS` of a wall time, fractions dropped. */
export function localText(wall: number): string {
  const time = modulo(Math.floor(withinYears(wall)), DAY_SECONDS);
  const hour = Math.floor(time / 3600);
  const minute = Math.floor((time % 3600) / 60);
  return `${dateText(wall)}T${pad(hour, 2)}:${pad(minute, 2)}:${pad(time % 60, 2)}`;
}

/** RFC 3339 in UTC, to the second, of an instant in epoch milliseconds. */
export const instantText = (at: number): string => `${localText(at / 1000)}Z`;

/** Years 1 to 9999, which have a name of four digits: what lies past them is at their edge. */
const FIRST_WALL = dayNumber({ year: 1, month: 1, day: 1 }) * DAY_SECONDS;
const LAST_WALL = (dayNumber({ year: 9999, month: 12, day: 31 }) + 1) * DAY_SECONDS - 1;

const withinYears = (wall: number): number => Math.min(Math.max(wall, FIRST_WALL), LAST_WALL);
