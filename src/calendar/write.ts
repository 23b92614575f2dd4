import type { WallTime } from '../domain/event.ts';
import { instantText, localText } from './civil.ts';
import { MARKER_PROPERTY } from './marker.ts';
import { wallOf } from './shape.ts';
import { instantOf } from './zones.ts';

export interface ComposeRequest {
  uid: string;
  sequence: number;
  /** Zoned times are written in UTC, so that no VTIMEZONE is needed. */
  start: WallTime;
  /** Exclusive. */
  end: WallTime;
  /** Confirmed unless told. */
  status?: 'confirmed' | 'tentative';
  summary: string;
  /** Tells our own entry when it is read back. */
  marker: string;
  /** Epoch milliseconds. */
  stampedAt: number;
}

/**
 * An iCalendar object with one opaque VEVENT, CRLF-ended and folded at 75 octets (RFC 5545 §3.1).
 * Throws `WallTimeError` when a time cannot be placed.
 */
export function composeEvent(request: ComposeRequest): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Holdfast//Holdfast//EN',
    'BEGIN:VEVENT',
    `UID:${escapeText(request.uid)}`,
    `DTSTAMP:${basic(instantText(request.stampedAt))}`,
    `SEQUENCE:${request.sequence}`,
    `DTSTART${timeValue(request.start)}`,
    `DTEND${timeValue(request.end)}`,
    `SUMMARY:${escapeText(request.summary)}`,
    `STATUS:${(request.status ?? 'confirmed').toUpperCase()}`,
    'TRANSP:OPAQUE',
    `${MARKER_PROPERTY}:${escapeText(request.marker)}`,
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return contentOf(lines);
}

/** Lines as they are sent: CRLF-ended, folded at 75 octets (RFC 5545 §3.1). */
export const contentOf = (lines: readonly string[]): string =>
  lines.map((line) => `${folded(line)}\r\n`).join('');

export function timeValue(time: WallTime): string {
  if (time.kind === 'date') return `;VALUE=DATE:${basic(time.date)}`;
  if (time.kind === 'floating') return `:${basic(localText(wallOf(time)))}`;
  return `:${basic(instantText(instantOf(time, 'UTC')))}`;
}

export const basic = (text: string): string => text.replaceAll(/[-:]/g, '');

// Control characters have no place in a text value (RFC 5545 §3.1).
const CONTROLS = /(?!\n)\p{Cc}/gu;

export function escapeText(text: string): string {
  const lines = text.replaceAll(/\r\n|\r/g, '\n').replaceAll(CONTROLS, ' ');
  return lines.replaceAll(/[\\;,]/g, (one) => `\\${one}`).replaceAll('\n', '\\n');
}

const LINE_OCTETS = 75;

/** Breaks between characters, never within the bytes of one. */
function folded(line: string): string {
  let text = '';
  let octets = 0;
  for (const character of line) {
    const size = octetsOf(character);
    if (octets + size > LINE_OCTETS) {
      text += '\r\n ';
      octets = 1;
    }
    text += character;
    octets += size;
  }
  return text;
}

/** UTF-8 length of one character. */
function octetsOf(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}
