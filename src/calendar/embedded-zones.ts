import type { Component } from './components.ts';
import type { ContentLine } from './content-lines.ts';
import type { EmbeddedZone, Observance } from './vtimezone.ts';
import { observanceTime, zoneTextOf } from './vtimezone.ts';

/** The VTIMEZONEs of a calendar by TZID (RFC 5545 §3.6.5). Observances without offsets are left. */
export function embeddedZones(calendars: readonly Component[]): Map<string, EmbeddedZone> {
  const zones = new Map<string, EmbeddedZone>();
  const parts = calendars.flatMap((calendar) => calendar.children);
  for (const part of parts.filter((one) => one.name === 'VTIMEZONE')) {
    const tzid = valueOf(part, 'TZID');
    if (tzid === null || zones.has(tzid)) continue;
    zones.set(tzid, {
      location: valueOf(part, 'X-LIC-LOCATION'),
      zone: zoneTextOf(part.children.map(readObservance).filter((one) => one !== null)),
    });
  }
  return zones;
}

function readObservance(part: Component): Observance | null {
  const start = observanceTime(valueOf(part, 'DTSTART') ?? '');
  const fromSeconds = readOffset(valueOf(part, 'TZOFFSETFROM'));
  const toSeconds = readOffset(valueOf(part, 'TZOFFSETTO'));
  if (start === null || fromSeconds === null || toSeconds === null) return null;
  const dates = part.lines
    .filter((line) => line.name === 'RDATE')
    .flatMap((line) => line.value.split(','))
    .map((value) => observanceTime(value.split('/')[0]!));
  return {
    fromSeconds,
    toSeconds,
    start,
    rule: valueOf(part, 'RRULE'),
    dates: dates.filter((one) => one !== null),
  };
}

const valueOf = (part: Component, name: string): string | null =>
  part.lines.find((line: ContentLine) => line.name === name)?.value ?? null;

/** `+0100`, `-05:30` or `+001521`, in seconds; null when it is no UTC offset. */
function readOffset(text: string | null): number | null {
  const match = /^([+-])(\d{2}):?(\d{2})(?::?(\d{2}))?$/.exec(text ?? '');
  if (!match) return null;
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? '0');
  if (seconds >= 86_400) return null;
  return match[1] === '-' ? -seconds : seconds;
}
