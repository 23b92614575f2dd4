import type { NeutralEvent, WallTime } from '../domain/event.ts';
import type { ContentLine } from './content-lines.ts';
import { textOf } from './zones.ts';

/** For an entry without UID: what it does and its span, so that it stays the same next time. */
export function anonymousId(event: NeutralEvent): string {
  const span = [event.start, event.end].map(timeText).join('/');
  return `no-uid:${event.transparency}:${span}`;
}

function timeText(time: WallTime | null): string {
  if (!time) return '';
  return time.kind === 'zoned' ? `${textOf(time)}[${time.zone}]` : textOf(time);
}

const TIME_PROPERTIES = new Set([
  'DTSTART',
  'DTEND',
  'DURATION',
  'RRULE',
  'RECURRENCE-ID',
  'RDATE',
]);

/** For an entry that cannot be read: a fingerprint of its time lines, which tells no content. */
export function unreadableId(lines: readonly ContentLine[]): string {
  const text = lines
    .filter((line) => TIME_PROPERTIES.has(line.name))
    .map((line) => `${line.name}:${line.value}`)
    .toSorted()
    .join('\n');
  return `unread:${fingerprint(text, 0x811c9dc5)}${fingerprint(text, 0x1b873593)}`;
}

/** FNV-1a over UTF-16 units, 32 bits: distinct ids, not secrecy, is what it is for. */
function fingerprint(text: string, seed: number): string {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, '0');
}
