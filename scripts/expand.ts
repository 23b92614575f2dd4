/** `node scripts/expand.ts`: the occurrences of a calendar file or of one rule, a line each. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { decodeFeed } from '../src/channels/ical/decode.ts';
import { dateText, instantText, localText, readWall } from '../src/calendar/civil.ts';
import { readContentLine } from '../src/calendar/content-lines.ts';
import { ruleInstances } from '../src/calendar/plain-rule.ts';
import type { Instance } from '../src/calendar/plain-rule.ts';
import { readTime } from '../src/calendar/read-time.ts';
import { parseRule } from '../src/calendar/rule.ts';
import { zoneOf } from '../src/calendar/shape.ts';
import { resolveZone, wallToInstant } from '../src/calendar/zones.ts';
import type { WallTime } from '../src/domain/event.ts';
import { occurrenceLines } from './occurrence-lines.ts';

const HELP = `Usage:
  node scripts/expand.ts [--from TIME] [--to TIME] [options] FILE
  node scripts/expand.ts --rule RRULE --start DTSTART [--from TIME] [--to TIME] [options]

FILE is an iCalendar file, or - for standard input. Each occurrence that overlaps [from, to) is a
line of four fields with a TAB between them, sorted by start:
  start, end, UID, recurrence id
Instants are in UTC to the second (2026-12-01T09:00:00Z), whole days are dates (2026-12-01); the end
is exclusive. The recurrence id is the place of the occurrence in its series, or - outside a series.
DTSTART is always an occurrence, whether or not its rule generates it. Cancelled entries have none.

--rule prints the plain instances of one rule that start within [from, to), a line each:
  2026-12-01                  of a DTSTART that is a date
  2026-12-01T09:00:00         of a floating one
  2026-12-01T09:00:00Z        of one in UTC
  2026-12-01T09:00:00+01:00   of one with a TZID: what clocks there show, and their offset
A DTSTART that the rule does not generate is no instance, and COUNT does not count it.
A local time that a clock change skips moves forward and counts; one that comes twice is the first.

  --rule TEXT    RRULE:FREQ=…, with or without the name
  --start TEXT   20260101T090000, 20260101T090000Z, 20260101, VALUE=DATE:20260101,
                 TZID=America/New_York:20260101T090000, or any of these after DTSTART; or DTSTART:
  --from TIME    20260101, 2026-01-01, 2026-01-01T09:00:00Z or …+01:00; without an offset it is in
                 the zone of --zone or of the start. The start of all unless given
  --to TIME      exclusive; 2100-01-01 unless given
  --with-start   DTSTART is an instance even if the rule does not generate it; it uses none of COUNT
  --limit N      at most the first N lines
  --zone ZONE    where floating times and whole days are; X-WR-TIMEZONE of the file or UTC otherwise
  --busy         leave out entries that take no time (TRANSP:TRANSPARENT)

What could not be read is named on standard error. Exit codes: 0 all is printed; 1 nothing could be
read; 2 a rule has more than could be worked out in ten million steps or printed in a million lines.`;

const OPTIONS = {
  rule: { type: 'string' },
  start: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  zone: { type: 'string' },
  limit: { type: 'string' },
  'with-start': { type: 'boolean', default: false },
  busy: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const LIMITS = { maxOccurrences: 1_000_000, maxInstances: 1_000_000, maxSteps: 10_000_000 };

/** Something the caller must correct. */
class UsageError extends Error {}

type Options = ReturnType<typeof readOptions>['values'];

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

interface Printed {
  lines: string[];
  truncated: boolean;
}

function ofRule(options: Options): Printed {
  const rule = parseRule((options.rule ?? '').trim().replace(/^RRULE:/i, ''));
  if (!rule) {
    throw new UsageError(
      '--rule is no recurrence rule of RFC 5545 §3.3.10: it needs FREQ, and numbers and weekdays in their ranges.',
    );
  }
  const start = startOf(options.start);
  const zone = zoneNamed(options.zone) ?? 'UTC';
  const own = zoneOf(start, { zone, dayZone: zone, nights: null });
  const { instances, truncated } = ruleInstances({
    rule,
    start,
    zone,
    window: windowOf(options, own),
    withStart: options['with-start'],
    limits: LIMITS,
  });
  return { lines: instances.map((one) => instanceText(one, start)), truncated };
}

function startOf(text: string | undefined): WallTime {
  if (text === undefined) throw new UsageError('--rule needs --start.');
  const value = text.trim().replace(/^DTSTART/i, '');
  const isBare = !/^[;:]/.test(value);
  const separator = isBare ? (/^[A-Za-z0-9-]+=/.test(value) ? ';' : ':') : '';
  const line = readContentLine(`DTSTART${separator}${value}`);
  const { time, flaw } = readTime(line ?? undefined, { embedded: new Map(), defaultZone: 'UTC' });
  if (flaw === 'unknown-zone') throw new UsageError('--start names a TZID that is not known.');
  if (!time) throw new UsageError('--start is no date or time; see --help for its forms.');
  return time;
}

function instanceText({ wall, at }: Instance, { kind }: WallTime): string {
  if (kind === 'date') return dateText(wall);
  if (kind === 'floating') return localText(wall);
  return kind === 'utc' ? instantText(at) : `${localText(wall)}${offsetText(wall - at / 1000)}`;
}

function offsetText(seconds: number): string {
  const size = Math.abs(seconds);
  const parts = [Math.floor(size / 3600), Math.floor((size % 3600) / 60), size % 60];
  const shown = parts[2] === 0 ? parts.slice(0, 2) : parts;
  return `${seconds < 0 ? '-' : '+'}${shown.map((one) => String(one).padStart(2, '0')).join(':')}`;
}

function ofFile(options: Options, path: string): Printed {
  const named = zoneNamed(options.zone);
  const text = decodeFeed(bytesOf(path), undefined);
  if (!/^BEGIN:VCALENDAR\s*$/im.test(text)) throw new UsageError(`${path} is no iCalendar file.`);
  const listed = occurrenceLines(text, {
    zone: named,
    busyOnly: options.busy,
    limits: LIMITS,
    windowIn: (zone) => windowOf(options, zone),
  });
  if (!listed.complete) console.error('The file is cut off: entries may be missing.');
  for (const one of listed.withheld) console.error(`Withheld: ${one}`);
  return listed;
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
    throw new UsageError(`${path} cannot be read (${code}).`);
  }
}

function zoneNamed(text: string | undefined): string | null {
  if (text === undefined) return null;
  const zone = resolveZone(text);
  if (zone === null) throw new UsageError('--zone is not known; use an IANA name.');
  return zone;
}

const FIRST_AT = Date.UTC(-1, 0, 1);
const LAST_TEXT = '2100-01-01';

function windowOf({ from, to }: Options, zone: string): { fromAt: number; untilAt: number } {
  const fromAt = from === undefined ? FIRST_AT : instantNamed('--from', from, zone);
  return { fromAt, untilAt: instantNamed('--to', to ?? LAST_TEXT, zone) };
}

function instantNamed(option: string, text: string, zone: string): number {
  const reading = readWall(text);
  if (reading) return wallToInstant(reading.wall, reading.isUtc ? 'UTC' : zone);
  const at = /T.*[+-]\d\d:?\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError(`${option} is no date or time; see --help.`);
  return at;
}

function limited(lines: string[], limit: string | undefined): string[] {
  if (limit === undefined) return lines;
  if (!/^\d+$/.test(limit)) throw new UsageError('--limit takes a number.');
  return lines.slice(0, Number(limit));
}

function run(): number {
  const { values, positionals } = readOptions();
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [path, ...others] = positionals;
  if (values.rule === undefined ? path === undefined || others.length > 0 : path !== undefined)
    throw new UsageError('Give one FILE, or --rule and --start; see --help.');
  const { lines, truncated } = values.rule === undefined ? ofFile(values, path!) : ofRule(values);
  const shown = limited(lines, values.limit);
  if (shown.length > 0) process.stdout.write(`${shown.join('\n')}\n`);
  const isShort = truncated && shown.length === lines.length;
  if (isShort) console.error('A rule has more than could be worked out: narrow --from and --to.');
  return isShort ? 2 : 0;
}

try {
  process.exitCode = run();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
