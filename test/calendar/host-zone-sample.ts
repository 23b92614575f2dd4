/** Prints what calendars mean on this machine; run as a process of its own under another TZ. */
import { parseFeed } from '../../src/calendar/parse.ts';
import { expand } from '../../src/calendar/recurrence.ts';

const entry = (uid: string, ...lines: string[]) => [
  'BEGIN:VEVENT',
  `UID:${uid}`,
  ...lines,
  'END:VEVENT',
];
const text = [
  'BEGIN:VCALENDAR',
  ...entry('day', 'DTSTART;VALUE=DATE:20260328', 'RRULE:FREQ=DAILY;COUNT=3'),
  ...entry('floating', 'DTSTART:20260328T023000', 'DURATION:PT1H', 'RRULE:FREQ=DAILY;COUNT=3'),
  ...entry('zoned', 'DTSTART;TZID=America/New_York:20260307T023000', 'RRULE:FREQ=DAILY;COUNT=3'),
  ...entry('utc', 'DTSTART:20260328T230000Z', 'DTEND:20260329T020000Z'),
  'END:VCALENDAR',
].join('\n');

const feed = parseFeed(text, { defaultZone: 'Europe/Paris' });
const window = { fromAt: Date.UTC(2026, 0, 1), untilAt: Date.UTC(2027, 0, 1) };
const spans = feed.events.flatMap(
  (master) => expand({ master, exceptions: [], window, defaultZone: 'Europe/Paris' }).spans,
);
const hostZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
console.log(JSON.stringify({ feed, spans, hostZone }));
