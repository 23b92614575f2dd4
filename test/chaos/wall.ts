import { Temporal } from 'temporal-polyfill';

/**
 * Times as the judge reads them, by a library that the product does not use. Text throughout: a day
 * is `2026-12-01`, local time `2026-12-01T10:00:00`, an instant ends in `Z`.
 */
export const DAY_MS = 86_400_000;

export const isDay = (text: string): boolean => text.length === 10;

export const dayNumber = (text: string): number => Date.parse(text.slice(0, 10)) / DAY_MS;
export const dayText = (number: number): string =>
  new Date(number * DAY_MS).toISOString().slice(0, 10);

export const later = (day: string, days: number): string => dayText(dayNumber(day) + days);

/** In a gap the offset before it is used, in a repeated hour the first pass (RFC 5545 §3.3.5). */
export const instantOf = (local: string, zone: string): number =>
  Temporal.PlainDateTime.from(isDay(local) ? `${local}T00:00:00` : local).toZonedDateTime(zone)
    .epochMilliseconds;

export const localOf = (at: number, zone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(zone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'second' });

export const zText = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');

/** `20261201T100000`, as iCalendar writes it. */
export const compact = (text: string): string => text.replace(/\.\d+|[-:]/g, '');
