import { createHash } from 'node:crypto';
import { alphanumeric } from '../host.ts';
import type { Host } from '../host.ts';
import type { Entry } from './event.ts';

const idLetters = 66;
const occurrenceLetters = 8;

/** Both ids of a new event: they look alike and differ, as with and without `IdType="ImmutableId"`. */
export function newEventIds(host: Host): Pick<Entry, 'id' | 'mutableId'> {
  const spell = (prefix: string, series: string) =>
    prefix + host.opaqueId(series, `${alphanumeric}-_`, idLetters - prefix.length);
  return {
    id: spell('AAkALgAAAAAAHYQDEapmEc2b', 'microsoft-immutable-id'),
    mutableId: spell('AAMkAGI1AAAo', 'microsoft-id'),
  };
}

/** The id that a client sees; `wallMs` names an occurrence by its start in the pattern. */
export function eventIdOf(
  entry: Pick<Entry, 'id' | 'mutableId'>,
  wallMs: number | undefined,
  immutableIds: boolean,
): string {
  const base = immutableIds ? entry.id : entry.mutableId;
  if (wallMs === undefined) return `${base}=`;
  // An offset keeps starts before 1970 positive.
  const seconds = (wallMs / 1000 + 1e11).toString(36).toUpperCase();
  return `${base}${seconds.padStart(occurrenceLetters, '0')}=`;
}

/** An id taken apart; undefined where it cannot be one of ours. */
export function parseEventId(id: string): { base: string; wallMs: number | undefined } | undefined {
  const text = id.endsWith('=') ? id.slice(0, -1) : id;
  const base = text.slice(0, idLetters);
  if (text.length === idLetters) return { base, wallMs: undefined };
  if (text.length !== idLetters + occurrenceLetters) return undefined;
  const wallMs = (Number.parseInt(text.slice(idLetters), 36) - 1e11) * 1000;
  return Number.isNaN(wallMs) ? undefined : { base, wallMs };
}

/** A Global Object ID: occurrences carry their date in it, so each differs. Source: MS-OXOCAL §2.2.1.27. */
export function iCalUIdOf(entry: Pick<Entry, 'id'>, wallMs: number | undefined): string {
  const rest = createHash('sha256').update(entry.id).digest('hex').toUpperCase();
  const hex = (value: number, length: number) =>
    value.toString(16).toUpperCase().padStart(length, '0');
  const date = new Date(wallMs ?? 0);
  const day =
    wallMs === undefined
      ? '00000000'
      : hex(date.getUTCFullYear(), 4) + hex(date.getUTCMonth() + 1, 2) + hex(date.getUTCDate(), 2);
  return `040000008200E00074C5B7101A82E008${day}${rest.slice(0, 16)}000000000000000010000000${rest.slice(16, 48)}`;
}
