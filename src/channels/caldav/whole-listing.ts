import { nowOf } from './dav.ts';
import type { Dav } from './dav.ts';
import { listEtags } from './listing.ts';
import type { Listing } from './listing.ts';
import type { TokenCursor } from './position.ts';

/** A token older than this may have been forgotten without a word. */
const AGED_MS = 24 * 3_600_000;
/** An answer of this share of the collection, or more, may be all of it. */
const SUSPICIOUS_SHARE = 0.25;

/**
 * iCloud may answer an aged token with everything there is, instead of refusing it; then it has no
 * tombstones, and what vanished is only seen by its absence. An answer that is large or late is held
 * against a plain listing: when it names every member, it is a listing itself. `members` is a lower
 * bound of how many there are now.
 */
export async function isWholeListing(
  dav: Dav,
  asked: { collection: URL; listing: Listing; cursor: TokenCursor },
): Promise<{ isWhole: boolean; members: number }> {
  const { collection, listing, cursor } = asked;
  const changed = new Set(listing.members.flatMap(({ id, isGone }) => (isGone ? [] : [id])));
  const members = Math.max(0, cursor.members - (listing.members.length - changed.size));
  const isLate = nowOf(dav.settings) - cursor.madeAt > AGED_MS;
  const isLarge = changed.size >= cursor.members * SUSPICIOUS_SHARE;
  // A server that stops half-way is a server that keeps its tokens by the book.
  if (listing.isTruncated || changed.size === 0 || !(isLate || isLarge))
    return { isWhole: false, members };
  const all = await listEtags(dav, collection);
  return {
    isWhole: all.members.every(({ id }) => changed.has(id)),
    members: all.members.length,
  };
}
