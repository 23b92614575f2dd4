import { createHash } from 'node:crypto';
import type { Item } from './item.ts';

/**
 * How our mirrors are known again. Delta never carries extended properties but does tell the
 * `transactionId` an event was created with, so the marker is in both: the property, which an update
 * can change, wins where it was asked for. A second property finds the event of a mirror.
 */
const SET = 'String {6d1f0b52-7c4e-4b0e-9a57-0f2f6a7c31de} Name';
const MARKER_ID = `${SET} holdfast`;
const MIRROR_ID = `${SET} holdfast-mirror`;

const PREFIX = 'holdfast:';

/**
 * One per calendar, mirror, marker and generation: Graph refuses to create twice under one anywhere
 * in a mailbox, and a mailbox may hold several calendars that a booking is mirrored to.
 */
export function transactionIdOf(calendarId: string, marker: string, generation: number): string {
  const calendar = createHash('sha256').update(calendarId).digest('base64url').slice(0, 8);
  return `${PREFIX}${calendar}.${generation}:${marker}`;
}

/** Hex, because Graph compares values of properties without case. */
export const mirrorKey = (id: string, generation: number): string =>
  createHash('sha256').update(`${id}:${generation}`).digest('hex');

export const propertiesOf = (marker: string, key: string) => [
  { id: MARKER_ID, value: marker },
  { id: MIRROR_ID, value: key },
];

export const EXPAND_MARKER = `singleValueExtendedProperties($filter=id eq '${MARKER_ID}')`;

export const filterByKey = (key: string): string =>
  `singleValueExtendedProperties/Any(ep: ep/id eq '${MIRROR_ID}' and ep/value eq '${key}')`;

export function markerOf(item: Item): string | null {
  const property = item.singleValueExtendedProperties?.find(
    ({ id }) => id?.toLowerCase() === MARKER_ID.toLowerCase(),
  )?.value;
  if (typeof property === 'string') return property;
  const { transactionId } = item;
  if (typeof transactionId !== 'string' || !transactionId.startsWith(PREFIX)) return null;
  return /^[\w-]{8}\.\d+:(.+)$/.exec(transactionId.slice(PREFIX.length))?.[1] ?? null;
}
