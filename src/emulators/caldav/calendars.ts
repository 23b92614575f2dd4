import type { Calendar, CalendarStore } from './calendar-store.ts';

/** A calendar as one is made, before anything is stored. */
export function newCalendar(
  store: CalendarStore,
  given: Pick<Calendar, 'id' | 'owner'> & Partial<Calendar>,
): Calendar {
  return {
    resourceId: store.newResourceId(),
    displayName: given.id,
    readOnly: false,
    timezone: undefined,
    components: ['VEVENT'],
    color: '#1BADF8FF',
    order: store.calendars.size + 1,
    tokenEpoch: 0,
    refusedBelow: 0,
    agedBelow: 0,
    ...given,
  };
}

/** Tokens given out so far are refused, or answered with everything. */
export function endTokens(calendar: Calendar, how: 'refused' | 'aged'): Calendar {
  const tokenEpoch = calendar.tokenEpoch + 1;
  return how === 'refused'
    ? { ...calendar, tokenEpoch, refusedBelow: tokenEpoch }
    : { ...calendar, tokenEpoch, agedBelow: tokenEpoch };
}
