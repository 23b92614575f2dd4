import { instantText, localText, readWall } from './civil.ts';
import type { ContentLine } from './content-lines.ts';
import { readDuration } from './duration.ts';
import type { ReadContext } from './read-time.ts';
import { parseRule } from './rule.ts';
import { VTIMEZONE_PREFIX } from './vtimezone.ts';
import { resolveZone, wallToInstant } from './zones.ts';

export interface RecurrenceReading {
  lines: string[];
  flaw: string | null;
}

/**
 * The recurrence lines of an entry, so written that they outlive their feed: zones by IANA name,
 * or in UTC where only the feed's own VTIMEZONE knew. Lines that cannot be read are left out.
 */
export function normalizeRecurrence(
  lines: readonly ContentLine[],
  context: ReadContext,
): RecurrenceReading {
  const reading: RecurrenceReading = { lines: [], flaw: null };
  for (const line of lines) {
    if (line.name === 'RRULE' || line.name === 'EXRULE') {
      if (parseRule(line.value)) reading.lines.push(`${line.name}:${line.value}`);
      else reading.flaw ??= 'bad-rule';
    } else if (line.name === 'RDATE' || line.name === 'EXDATE') {
      normalizeDates(reading, line, context);
    }
  }
  return reading;
}

function normalizeDates(reading: RecurrenceReading, line: ContentLine, context: ReadContext): void {
  const tzid = line.params.get('TZID');
  const zone = tzid ? resolveZone(tzid, context.embedded) : null;
  if (tzid && zone === null) {
    reading.flaw ??= 'unknown-zone';
    // An addition at the wrong hour still blocks; an exclusion at the wrong hour frees what is taken.
    if (line.name === 'EXDATE') return;
  }
  const groups = new Map<string, string[]>();
  for (const value of line.value.split(',').filter((one) => one.trim() !== '')) {
    const parts = value.split('/').map((part) => normalizePart(part, zone));
    if (parts.length > 2 || parts.includes(null)) {
      reading.flaw ??= 'bad-date';
      continue;
    }
    const head = headOf(line.name, parts as string[], zone);
    const group = groups.get(head);
    if (group) group.push(parts.join('/'));
    else groups.set(head, [parts.join('/')]);
  }
  for (const [head, values] of groups) reading.lines.push(`${head}:${values.join(',')}`);
}

function normalizePart(text: string, zone: string | null): string | null {
  if (readDuration(text)) return text.trim().toUpperCase();
  const moment = readWall(text);
  if (!moment) return null;
  if (!moment.hasTime) return basic(localText(moment.wall)).slice(0, 8);
  if (moment.isUtc) return `${basic(localText(moment.wall))}Z`;
  return zone?.startsWith(VTIMEZONE_PREFIX)
    ? basic(instantText(wallToInstant(moment.wall, zone)))
    : basic(localText(moment.wall));
}

function headOf(name: string, parts: readonly string[], zone: string | null): string {
  if (parts.length === 1 && parts[0]!.length === 8) return `${name};VALUE=DATE`;
  const value = parts.length === 2 ? `${name};VALUE=PERIOD` : name;
  const isLocal = !parts[0]!.endsWith('Z');
  return isLocal && zone ? `${value};TZID=${zone}` : value;
}

const basic = (text: string): string => text.replaceAll(/[-:]/g, '');
