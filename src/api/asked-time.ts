import type { AvailabilityFacts, Zones } from '../domain/availability.ts';
import type { Interval } from '../domain/interval.ts';
import { dayOfText } from '../domain/local-days.ts';
import { nightRulesOf, spanOfStay } from '../domain/nights.ts';
import { Problem } from './problem.ts';

/** A time as a caller asks for it: by instants, or by the days of a stay. */
export interface AskedTime {
  startAt?: string | undefined;
  endAt?: string | undefined;
  arrivalDay?: string | undefined;
  departureDay?: string | undefined;
  /** In place of all of these, where places of sessions are sold. */
  sessionId?: string | undefined;
}

const DAY_MS = 86_400_000;

/** Wide enough for the span that is asked for, before the resource is known. */
export function roughSpan(asked: AskedTime): Interval {
  if (asked.arrivalDay !== undefined && asked.departureDay !== undefined)
    return {
      startAt: (dayOfText(asked.arrivalDay) - 1) * DAY_MS,
      endAt: (dayOfText(asked.departureDay) + 2) * DAY_MS,
    };
  return { startAt: Date.parse(asked.startAt!), endAt: Date.parse(asked.endAt!) };
}

/** The span on a resource. Throws `invalid-request` for days where no nights are sold. */
export function spanIn(
  asked: AskedTime,
  { timeZone, settings }: Pick<AvailabilityFacts, 'timeZone' | 'settings'>,
  zones: Zones,
): Interval {
  if (asked.arrivalDay === undefined || asked.departureDay === undefined) return roughSpan(asked);
  const nights = nightRulesOf(settings);
  if (!nights)
    throw new Problem('invalid-request', {
      detail: 'The resource is not sold by the night: send startAt and endAt.',
      more: {
        errors: [{ in: 'body', pointer: '/arrivalDay', detail: 'is for stays by the night only' }],
      },
    });
  const stay = {
    arrivalDay: dayOfText(asked.arrivalDay),
    departureDay: dayOfText(asked.departureDay),
  };
  return spanOfStay(stay, nights, { timeZone, zones });
}

/** RFC 3339, as answers and commands say it. */
export const instantsOf = ({ startAt, endAt }: Interval) => ({
  startAt: new Date(startAt).toISOString(),
  endAt: new Date(endAt).toISOString(),
});
