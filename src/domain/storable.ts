import type { Change, NeutralEvent, WithheldItem } from './event.ts';

/**
 * What a channel writes may hold what no database takes: NUL, other control characters, halves of
 * surrogate pairs, ids longer than an index entry. Every provider's edge makes its answers storable.
 */
const NOT_STORABLE = /\p{Cc}|\p{Cs}/gu;
const MAX_ID_BYTES = 512;

/** A digest in letters that an id may have. */
export type Digest = (text: string) => string;

/** Without control characters and halves of surrogate pairs. */
export const storableText = (text: string): string => text.replace(NOT_STORABLE, '');

/** The id itself, or a digest of it where it cannot be kept as it is: distinct ids stay distinct. */
export function storableId(id: string, digest: Digest): string {
  const isShort = id.length <= MAX_ID_BYTES && byteLength(id) <= MAX_ID_BYTES;
  return isShort && storableText(id) === id ? id : `digest:${digest(id)}`;
}

export function storableChange(change: Change, digest: Digest): Change {
  if (change.kind === 'upsert') return { ...change, event: storableEvent(change.event, digest) };
  return { ...change, nativeId: storableId(change.nativeId, digest) };
}

export const storableWithheld = (item: WithheldItem, digest: Digest): WithheldItem => ({
  ...item,
  nativeId: storableId(item.nativeId, digest),
  event: item.event && storableEvent(item.event, digest),
});

export function storableEvent(event: NeutralEvent, digest: Digest): NeutralEvent {
  const id = <T extends string | null>(value: T) =>
    (value === null ? null : storableId(value, digest)) as T;
  const text = <T extends string | null>(value: T) =>
    (value === null ? null : storableText(value)) as T;
  return {
    ...event,
    nativeId: id(event.nativeId),
    uid: id(event.uid),
    seriesId: id(event.seriesId),
    marker: id(event.marker),
    etag: text(event.etag),
    updatedAt: text(event.updatedAt),
    recurrence: event.recurrence.map(text),
  };
}

/** Of the text in UTF-8. */
function byteLength(text: string): number {
  let bytes = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
