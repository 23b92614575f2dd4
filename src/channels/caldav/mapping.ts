import { createHash } from 'node:crypto';
import { parseFeed } from '../../calendar/parse.ts';
import type { NeutralEvent, WithheldItem } from '../../domain/event.ts';
import { storableChange, storableWithheld } from '../../domain/storable.ts';
import type { Change } from '../channel-provider.ts';

/** A calendar object resource as it was read: one UID with its exceptions (RFC 4791 §4.1). */
export interface Resource {
  /** See hrefs.ts. */
  id: string;
  etag: string | null;
  /** iCalendar text. */
  data: string;
}

export interface Mapped {
  changes: Change[];
  withheld: WithheldItem[];
}

/**
 * All that a resource says, ids derived from its href: a tombstone names nothing else, and must be
 * understood without reading. The series has the href's id, an exception that and its occurrence.
 * `replaces` first removes what the resource held before, so that an exception taken out of it goes.
 * `owner` is owner.ts's: what they declined takes no time.
 */
export function mapResource(
  { id, etag, data }: Resource,
  options: { zone: string; owner?: readonly string[]; replaces: boolean },
): Mapped {
  const { zone, owner = [] } = options;
  const { complete, events, withheld } = parseFeed(data, {
    defaultZone: zone,
    ownerAddresses: owner,
  });
  if (!complete) return storable({ changes: [], withheld: [unread(id, 'bad-calendar')] });
  const main = events.find((event) => event.seriesId === null);
  const named = events.map((event) => ({ ...event, ...placeOf(event, { id, main }), etag }));
  const extra = named.filter((event) => event.seriesId !== null && event.recurrence.length > 0);
  const items = [
    ...withheld.map((item) => withheldOf(item, { id, etag, hasMain: main !== undefined })),
    // RFC 4791 §4.1 forbids a second series; of what stands there all the same, one start blocks.
    ...extra.map((event) => ({ nativeId: event.nativeId, reason: 'several-series', event })),
  ];
  const upserts = named
    .filter((event) => !extra.includes(event))
    .map((event) => ({ kind: 'upsert', event }) as const);
  // What was known of an entry that cannot be read any more still blocks.
  const keepsOld = items.some((item) => item.event === null);
  const removed = options.replaces && !keepsOld;
  return storable({
    changes: [...(removed ? [{ kind: 'removed', nativeId: id } as const] : []), ...upserts],
    withheld: items,
  });
}

/** A resource of which nothing can be read stays listed, and is not taken for gone. */
export const unread = (id: string, reason: string): WithheldItem => ({
  nativeId: id,
  reason,
  event: null,
});

export const goneMember = (id: string): Change =>
  storableChange({ kind: 'removed', nativeId: id }, digest);

/** The one entry of a resource that a mirror is; null when it holds none. */
export const mainOf = ({ changes }: Mapped): NeutralEvent | null =>
  changes.flatMap((change) => (change.kind === 'upsert' ? [change.event] : []))[0] ?? null;

type Place = Pick<NeutralEvent, 'nativeId' | 'seriesId'>;

function placeOf(
  event: NeutralEvent,
  { id, main }: { id: string; main: NeutralEvent | undefined },
): Place {
  if (event === main) return { nativeId: id, seriesId: null };
  const { nativeId, uid } = event;
  const rest = uid !== null && nativeId.startsWith(uid) ? nativeId.slice(uid.length) : nativeId;
  return { nativeId: `${id}#${rest.replace(/^#/, '')}`, seriesId: id };
}

function withheldOf(
  { reason, event, nativeId }: WithheldItem,
  { id, etag, hasMain }: { id: string; etag: string | null; hasMain: boolean },
): WithheldItem {
  if (!event) return unread(id, reason);
  const isMain = event.seriesId === null && !hasMain;
  const place: Place = isMain
    ? { nativeId: id, seriesId: null }
    : placeOf({ ...event, nativeId }, { id, main: undefined });
  return { nativeId: place.nativeId, reason, event: { ...event, ...place, etag } };
}

const storable = ({ changes, withheld }: Mapped): Mapped => ({
  changes: changes.map((change) => storableChange(change, digest)),
  withheld: withheld.map((item) => storableWithheld(item, digest)),
});

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
