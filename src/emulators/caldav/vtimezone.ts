import { wallAt } from '../zones.ts';

const dayMs = 86_400_000;
const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

/** A calendar object with the rules of one zone as they are in `year`. Source: RFC 4791 §5.2.2. */
export function timezoneObject(zone: string, year: number): string {
  const offset = (ms: number) => wallAt(ms, zone) - ms;
  const changes = changesOf(offset, year);
  const observances =
    changes.length === 2
      ? changes.flatMap((atMs) => observance(atMs, offset(atMs - 1), offset(atMs)))
      : steady(offset(Date.UTC(year, 0, 1)));
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Emulated CalDAV//EN'];
  lines.push('BEGIN:VTIMEZONE', `TZID:${zone}`, ...observances, 'END:VTIMEZONE', 'END:VCALENDAR');
  return `${lines.join('\r\n')}\r\n`;
}

/** The instants of the year at which the zone's offset changes. */
function changesOf(offset: (ms: number) => number, year: number): number[] {
  const found: number[] = [];
  const end = Date.UTC(year + 1, 0, 1);
  for (let day = Date.UTC(year, 0, 1); day < end; day += dayMs) {
    if (offset(day) === offset(day + dayMs)) continue;
    let low = day;
    let high = day + dayMs;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (offset(middle) === offset(low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

function steady(offsetMs: number): string[] {
  const offset = offsetText(offsetMs);
  const lines = [`TZOFFSETFROM:${offset}`, `TZOFFSETTO:${offset}`, 'DTSTART:19700101T000000'];
  return ['BEGIN:STANDARD', ...lines, 'END:STANDARD'];
}

function observance(atMs: number, fromMs: number, toMs: number): string[] {
  const wall = new Date(atMs + fromMs);
  const day = wall.getUTCDate();
  const lastDay = new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 0)).getUTCDate();
  const nth = day + 7 > lastDay ? -1 : Math.ceil(day / 7);
  const name = toMs > fromMs ? 'DAYLIGHT' : 'STANDARD';
  const byDay = `${nth}${weekdays[wall.getUTCDay()]}`;
  return [
    `BEGIN:${name}`,
    `TZOFFSETFROM:${offsetText(fromMs)}`,
    `TZOFFSETTO:${offsetText(toMs)}`,
    `DTSTART:${wall.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}`,
    `RRULE:FREQ=YEARLY;BYMONTH=${wall.getUTCMonth() + 1};BYDAY=${byDay}`,
    `END:${name}`,
  ];
}

function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}
