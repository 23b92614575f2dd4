import { instantOf, wallAt } from '../zones.ts';
import { currentEntries } from './calendar-store.ts';
import type { Calendar, CalendarStore } from './calendar-store.ts';
import { defaultCalendar } from './access.ts';
import { badRequest } from './errors.ts';
import { readTime } from './event-body.ts';
import type { Body } from './event-body.ts';
import { spanOf } from './event.ts';
import type { ShowAs, Window } from './event.ts';
import { dateTimeText } from './event-view.ts';
import { itemsIn } from './occurrences.ts';
import type { Preferences } from './prefer.ts';
import type { MicrosoftSwitches } from './switches.ts';

interface Asking {
  store: CalendarStore;
  switches: MicrosoftSwitches;
  preferences: Preferences;
}

/** Most items of one schedule. Source: Graph reference, "calendar: getSchedule", error 5006. */
const itemLimit = 1000;
const longestMs = 62 * 86_400_000;

/** Free/busy of people's default calendars. Source: Graph reference, "calendar: getSchedule". */
export function getSchedule(asking: Asking, body: Body): Record<string, unknown>[] {
  // Property names of this action may be written with a capital letter.
  const given = (name: string) => body[name] ?? body[name[0]!.toUpperCase() + name.slice(1)];
  const schedules = given('schedules');
  if (!Array.isArray(schedules)) {
    throw badRequest('ErrorInvalidParameter', 'Schedules is a collection of addresses.');
  }
  const [start, end] = [readTime(given('startTime'), 'Start'), readTime(given('endTime'), 'End')];
  const window = {
    startMs: instantOf(start.wallMs, start.zone),
    endMs: instantOf(end.wallMs, end.zone),
  };
  const minutes = Number(given('availabilityViewInterval') ?? 30);
  if (!(minutes >= 5 && minutes <= 1440)) {
    throw badRequest('ErrorInvalidParameter', 'availabilityViewInterval is 5 to 1440 minutes.');
  }
  if (window.endMs <= window.startMs || window.endMs - window.startMs > longestMs) {
    throw badRequest('ErrorTimeIntervalTooBig', 'The time window is 1 minute to 62 days.');
  }
  return schedules.map((address) => ({
    scheduleId: String(address),
    ...scheduleOf(asking, String(address), { ...window, stepMs: minutes * 60_000 }),
  }));
}

interface View extends Window {
  stepMs: number;
}

function scheduleOf(asking: Asking, address: string, view: View): Record<string, unknown> {
  const calendar = defaultCalendar(asking.store, address);
  if (calendar === undefined) {
    const message = 'Unable to resolve e-mail address to a mailbox.';
    return { error: { message, responseCode: 'ErrorMailRecipientNotFound' } };
  }
  const slots = slotsOf(asking, calendar, view);
  if (slots.length > itemLimit) {
    const message = 'The result set has more entries than are allowed.';
    return { error: { message, responseCode: '5006' } };
  }
  const { zone, zoneName } = asking.preferences;
  const at = (ms: number) => ({ dateTime: dateTimeText(wallAt(ms, zone)), timeZone: zoneName });
  return {
    availabilityView: digits(slots, view, asking.switches),
    scheduleItems: slots.map(({ startMs, endMs, status }) => ({
      status,
      start: at(startMs),
      end: at(endMs),
    })),
    workingHours: {
      daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
      startTime: '08:00:00.0000000',
      endTime: '17:00:00.0000000',
      timeZone: { name: zoneName },
    },
  };
}

interface Slot extends Window {
  status: ShowAs;
}

function slotsOf({ store, switches }: Asking, calendar: Calendar, window: Window): Slot[] {
  return currentEntries(store.view(calendar.id))
    .flatMap((entry) => itemsIn(entry, window, switches))
    .filter(({ type, event }) => type !== 'seriesMaster' && !event.isCancelled)
    .map(({ event }) => ({ ...spanOf(event), status: event.showAs }))
    .toSorted((a, b) => a.startMs - b.startMs);
}

const weight: Record<ShowAs, number> = {
  free: 0,
  workingElsewhere: 0,
  tentative: 1,
  busy: 2,
  oof: 3,
  unknown: 0,
};

/** One digit a step: what weighs most in it. */
function digits(slots: Slot[], { startMs, endMs, stepMs }: View, switches: MicrosoftSwitches) {
  let text = '';
  for (let fromMs = startMs; fromMs < endMs; fromMs += stepMs) {
    const untilMs = Math.min(fromMs + stepMs, endMs);
    const there = slots.filter((slot) => slot.startMs < untilMs && slot.endMs > fromMs);
    const most = Math.max(0, ...there.map(({ status }) => weight[status]));
    const elsewhere = most === 0 && there.some(({ status }) => status === 'workingElsewhere');
    text += elsewhere ? switches.elsewhereDigit : String(most);
  }
  return text;
}
