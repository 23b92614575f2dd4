import type { Interval } from '../domain/interval.ts';
import { union } from '../domain/interval.ts';
import { DAY_SECONDS, readWall } from './civil.ts';
import { readComponents } from './components.ts';
import type { ContentLine } from './content-lines.ts';
import { readDuration } from './duration.ts';

/**
 * The time that VFREEBUSY components call taken (RFC 5545 §3.6.4), merged and cut to the window;
 * null when the text holds none. Every type but FREE is taken, unknown ones too (§3.2.9).
 */
export function readFreeBusy(text: string, window: Interval): Interval[] | null {
  const { calendars, complete } = readComponents(text);
  const parts = calendars
    .flatMap((calendar) => calendar.children)
    .filter((part) => part.name === 'VFREEBUSY');
  if (!complete || parts.length === 0) return null;
  const periods = parts
    .flatMap((part) => part.lines)
    .filter((line) => line.name === 'FREEBUSY')
    .filter((line) => line.params.get('FBTYPE')?.toUpperCase() !== 'FREE')
    .flatMap(periodsOf);
  return union(
    periods.flatMap(({ startAt, endAt }) => {
      const cut = {
        startAt: Math.max(startAt, window.startAt),
        endAt: Math.min(endAt, window.endAt),
      };
      return cut.startAt < cut.endAt ? [cut] : [];
    }),
  );
}

/** Periods are in UTC; what cannot be read says nothing. */
function periodsOf(line: ContentLine): Interval[] {
  return line.value.split(',').flatMap((period) => {
    const [from = '', to = ''] = period.trim().split('/');
    const start = readWall(from);
    if (!start) return [];
    const duration = readDuration(to);
    const end = duration
      ? start.wall + duration.days * DAY_SECONDS + duration.seconds
      : readWall(to)?.wall;
    return end === undefined ? [] : [{ startAt: start.wall * 1_000, endAt: end * 1_000 }];
  });
}
