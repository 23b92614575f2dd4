import { createHash } from 'node:crypto';
import { parseFeed } from '../../calendar/parse.ts';
import { canonicalEvent } from '../../domain/event.ts';
import type { NeutralEvent, WithheldItem } from '../../domain/event.ts';
import { Failure } from '../../domain/failure.ts';
import { storableEvent, storableWithheld } from '../../domain/storable.ts';
import type { Change } from '../channel-provider.ts';

type Entry =
  | { nativeId: string; event: NeutralEvent; withheld: null }
  | { nativeId: string; event: null; withheld: WithheldItem };

/** A whole file as we understand it. */
export interface FeedContent {
  /** Sorted by id, so that the same content has the same pages in whatever order it is written. */
  entries: readonly Entry[];
  /** Equal exactly when nothing that matters differs; DTSTAMP and other stamps do not. */
  hash: string;
  /** IANA, where the file names one. */
  zone: string | null;
}

/**
 * Reads a file, or refuses it as a whole: `feed-not-a-calendar` (a login or error page),
 * `feed-incomplete` (cut off) and `feed-too-large` (more lines or entries than are read) say nothing
 * about what is booked, so nothing may be removed by them. Whose a feed is nobody tells, so an
 * invitation that somebody declined takes time here.
 */
export function readContent(text: string, defaultZone: string): FeedContent {
  if (!/^\uFEFF?[ \t]*BEGIN:VCALENDAR[ \t]*$/im.test(text))
    throw new Failure({ kind: 'invalid', code: 'feed-not-a-calendar' });
  const { complete, isTooLarge, events, withheld, zone } = parseFeed(text, { defaultZone });
  if (isTooLarge) throw new Failure({ kind: 'invalid', code: 'feed-too-large' });
  if (!complete) throw new Failure({ kind: 'invalid', code: 'feed-incomplete' });
  const entries: Entry[] = [
    ...events
      .map((event) => storableEvent(event, digest))
      .map((event) => ({ nativeId: event.nativeId, event, withheld: null })),
    ...withheld
      .map((item) => storableWithheld(item, digest))
      .map((item) => ({ nativeId: item.nativeId, event: null, withheld: item })),
  ].toSorted((a, b) => (a.nativeId < b.nativeId ? -1 : 1));
  return { entries, hash: hashOf(entries, zone), zone };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

interface ContentPage {
  changes: Change[];
  withheld: WithheldItem[];
  /** Where the next page begins; null after the last. */
  nextOffset: number | null;
}

export function pageOf(content: FeedContent, offset: number, size: number): ContentPage {
  const part = content.entries.slice(offset, offset + size);
  const end = offset + size;
  return {
    changes: part.flatMap(({ event }) => (event ? [{ kind: 'upsert', event }] : [])),
    withheld: part.flatMap(({ withheld }) => (withheld ? [withheld] : [])),
    nextOffset: end < content.entries.length ? end : null,
  };
}

function hashOf(entries: readonly Entry[], zone: string | null): string {
  const hash = createHash('sha256').update(JSON.stringify(zone));
  for (const { event, withheld } of entries) {
    hash.update('\n');
    if (event) hash.update(canonicalEvent(event));
    else hash.update(JSON.stringify([withheld.nativeId, withheld.reason]));
    if (withheld?.event) hash.update(canonicalEvent(withheld.event));
  }
  return hash.digest('base64url');
}
