/** A DURATION value (RFC 5545 §3.3.6): days follow the clock on the wall, seconds elapse. */
export interface Duration {
  days: number;
  seconds: number;
}

const DURATION = /^([+-])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/i;

/** A century: beyond it a number is a mistake, and dates leave the range that can be written. */
const LONGEST_DAYS = 36_525;

/** Null when it is no duration, or one that says nothing. */
export function readDuration(text: string): Duration | null {
  const match = DURATION.exec(text.trim());
  if (!match) return null;
  const [, sign, weeks, days, hours, minutes, seconds] = match;
  if ([weeks, days, hours, minutes, seconds].every((part) => part === undefined)) return null;
  const factor = sign === '-' ? -1 : 1;
  const number = (part: string | undefined) => Number(part ?? '0');
  const wholeDays = number(weeks) * 7 + number(days);
  const elapsed = number(hours) * 3600 + number(minutes) * 60 + number(seconds);
  if (wholeDays + elapsed / 86_400 > LONGEST_DAYS) return null;
  return { days: factor * wholeDays, seconds: factor * elapsed };
}
