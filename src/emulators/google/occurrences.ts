import type { EventTime, GoogleEvent } from './event.ts';
import { wallStarts } from './recurrence.ts';
import { parseRecurrence } from './recurrence-rule.ts';
import { instantOf, renderInZone, wallAt } from '../zones.ts';

/** An instance of a series as its rule gives it, before exceptions. */
interface Occurrence {
  instanceId: string;
  startMs: number;
  endMs: number;
  start: EventTime;
  end: EventTime;
}

/** Where an event time lies; all-day times lie in the calendar's zone. Epoch milliseconds. */
export function timeMs(time: EventTime, calendarZone: string): number {
  if (time.dateTime !== undefined) return Date.parse(time.dateTime);
  return instantOf(Date.parse(`${time.date}T00:00:00Z`), calendarZone);
}

/** The instances of a series whose start is before `untilMs`, in order. */
export function occurrences(
  master: GoogleEvent,
  calendarZone: string,
  untilMs: number,
): Occurrence[] {
  const allDay = master.start.date !== undefined;
  const zone = allDay ? 'UTC' : (master.start.timeZone ?? calendarZone);
  const first = allDay ? Date.parse(master.start.date!) : Date.parse(master.start.dateTime!);
  const last = allDay ? Date.parse(master.end.date!) : Date.parse(master.end.dateTime!);
  const limit = wallAt(allDay ? untilMs + 86_400_000 : untilMs, zone);
  const recurrence = parseRecurrence(master.recurrence ?? [], zone);
  return wallStarts(wallAt(first, zone), recurrence, limit)
    .map((wallMs) => {
      const startMs = instantOf(wallMs, zone);
      const times = [startMs, startMs + (last - first)] as const;
      return allDay
        ? allDayOccurrence(master, times, calendarZone)
        : timedOccurrence(master, times, calendarZone);
    })
    .filter(({ startMs }) => startMs < untilMs);
}

type Times = readonly [startMs: number, endMs: number];

function allDayOccurrence(master: GoogleEvent, times: Times, calendarZone: string): Occurrence {
  const [start, end] = times.map((ms) => ({ date: new Date(ms).toISOString().slice(0, 10) }));
  return {
    instanceId: `${master.id}_${start!.date.replaceAll('-', '')}`,
    startMs: timeMs(start!, calendarZone),
    endMs: timeMs(end!, calendarZone),
    start: start!,
    end: end!,
  };
}

function timedOccurrence(
  master: GoogleEvent,
  [startMs, endMs]: Times,
  calendarZone: string,
): Occurrence {
  const at = (ms: number, { timeZone }: EventTime): EventTime => ({
    dateTime: renderInZone(ms, calendarZone),
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  const basic = new Date(startMs).toISOString().replaceAll(/[-:]|\.000/g, '');
  return {
    instanceId: `${master.id}_${basic}`,
    startMs,
    endMs,
    start: at(startMs, master.start),
    end: at(endMs, master.end),
  };
}

const instanceShape = /^(.+)_(\d{8})(?:T(\d{6})Z)?$/;

/** The occurrence that an instance id names, if its series has it. */
export function occurrenceOf(
  instanceId: string,
  masterOf: (id: string) => GoogleEvent | undefined,
  calendarZone: string,
): { master: GoogleEvent; occurrence: Occurrence } | undefined {
  const match = instanceShape.exec(instanceId);
  const master = match === null ? undefined : masterOf(match[1]!);
  if (match === null || master?.recurrence === undefined) return undefined;
  const [, , day, time = '000000'] = match;
  const text = `${day}T${time}`.replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/,
    '$1-$2-$3T$4:$5:$6Z',
  );
  // All-day instances are named by their date, whose midnight can lie a day off in the zone.
  const untilMs = Date.parse(text) + 2 * 86_400_000;
  if (Number.isNaN(untilMs)) return undefined;
  const occurrence = occurrences(master, calendarZone, untilMs).find(
    (each) => each.instanceId === instanceId,
  );
  return occurrence === undefined ? undefined : { master, occurrence };
}
