import type { Request } from 'express';
import { badRequest } from './errors.ts';
import type { Window } from './event.ts';

const dayMs = 86_400_000;
const longestDays = 1825;

/** `startDateTime` and `endDateTime` of a calendar view; without offset they are UTC. */
export function readWindow(req: Request): Window {
  const query = new Map(
    Object.entries(req.query as Record<string, string>).map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    ),
  );
  const startMs = instant(query.get('startdatetime'));
  const endMs = instant(query.get('enddatetime'));
  if (endMs <= startMs) {
    throw badRequest('ErrorInvalidParameter', 'The end of the time window is before its start.');
  }
  if (endMs - startMs > longestDays * dayMs) {
    const message = `The time window is longer than ${longestDays} days.`;
    throw badRequest('ErrorCalendarViewRangeTooBig', message);
  }
  return { startMs, endMs };
}

function instant(text: string | undefined): number {
  const message =
    'This request requires a time window: query parameters StartDateTime and EndDateTime.';
  if (text === undefined) throw badRequest('ErrorInvalidParameter', message);
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/i.test(text) || !text.includes('T') ? text : `${text}Z`;
  const ms = Date.parse(zoned);
  if (Number.isNaN(ms)) throw badRequest('ErrorInvalidParameter', `'${text}' is no date and time.`);
  return ms;
}
