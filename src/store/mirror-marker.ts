import { createHmac, timingSafeEqual } from 'node:crypto';
import { subjectOfMarker } from '../domain/mirror.ts';

/**
 * What we write on a mirror so that it is known again: the subject's id and an HMAC-SHA256, cut to
 * 128 bits, over tenant, id and span. An event that carries it at another time is a copy or an edit.
 */
export interface MarkedSubject {
  tenantId: string;
  subjectId: string;
  /** Epoch milliseconds. */
  startAt: number;
  endAt: number;
}

const MAC_BYTES = 16;

/** `key` is the tenant's; the text before the values keeps it apart from what else the key signs. */
const macOf = (key: Buffer, { tenantId, subjectId, startAt, endAt }: MarkedSubject): Buffer =>
  createHmac('sha256', key)
    .update(`holdfast mirror 1\n${JSON.stringify([tenantId, subjectId, startAt, endAt])}`)
    .digest()
    .subarray(0, MAC_BYTES);

export const markerFor = (key: Buffer, subject: MarkedSubject): string =>
  `${subject.subjectId}.${macOf(key, subject).toString('base64url')}`;

/** Whether a marker is one of ours for this very span. */
export function isMarkerOf(
  key: Buffer,
  marker: string,
  at: Omit<MarkedSubject, 'subjectId'>,
): boolean {
  const subjectId = subjectOfMarker(marker);
  const mac = Buffer.from(marker.slice(subjectId.length + 1), 'base64url');
  return mac.length === MAC_BYTES && timingSafeEqual(mac, macOf(key, { ...at, subjectId }));
}
