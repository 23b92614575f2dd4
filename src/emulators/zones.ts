const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, format);
  return format;
}

/** Whether this is an IANA time zone name. */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}

/** What a wall clock in the zone shows, written as the epoch milliseconds of the same reading in UTC. */
export function wallAt(epochMs: number, zone: string): number {
  if (zone === 'UTC' || zone === 'Etc/UTC') return epochMs;
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(epochMs)) part[type] = Number(value);
  const { year, month, day, hour, minute, second } = part as Record<string, number> & {
    [K in 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second']: number;
  };
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((epochMs % 1000) + 1000) % 1000);
}

/** The instant of a wall reading; the first of two, and past a gap as far as the reading was into it. */
export function instantOf(wallMs: number, zone: string): number {
  const before = wallAt(wallMs - 86_400_000, zone) - (wallMs - 86_400_000);
  const after = wallAt(wallMs + 86_400_000, zone) - (wallMs + 86_400_000);
  if (wallAt(wallMs - before, zone) === wallMs) return wallMs - before;
  if (wallAt(wallMs - after, zone) === wallMs) return wallMs - after;
  return wallMs - before;
}

/** RFC 3339 in whole seconds with the zone's offset, as Google writes event times. */
export function renderInZone(epochMs: number, zone: string): string {
  const wallMs = wallAt(epochMs, zone);
  const offsetMinutes = Math.round((wallMs - epochMs) / 60_000);
  const wall = new Date(wallMs).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${wall}Z`;
  const sign = offsetMinutes < 0 ? '-' : '+';
  const size = Math.abs(offsetMinutes);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${wall}${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

const shape = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|z|[+-]\d\d:\d\d)?$/;

/** An RFC 3339 date-time; without offset it is a reading in `zone`. Undefined when it is neither. */
export function parseDateTime(text: string, zone?: string): number | undefined {
  const match = shape.exec(text);
  if (match === null || !isDate(match[1]!)) return undefined;
  const [, date, time, offset] = match;
  if (offset !== undefined) {
    const epochMs = Date.parse(`${date}T${time}${offset.toUpperCase()}`);
    return Number.isNaN(epochMs) ? undefined : epochMs;
  }
  const wallMs = Date.parse(`${date}T${time}Z`);
  return zone === undefined || Number.isNaN(wallMs) ? undefined : instantOf(wallMs, zone);
}

/** Whether this is a calendar date that exists, as `2026-12-01`. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const epochMs = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(epochMs) && new Date(epochMs).toISOString().startsWith(text);
}
