import type { Dav } from './dav.ts';
import type { Member } from './listing.ts';
import { goneMember, mapResource, unread } from './mapping.ts';
import type { Mapped } from './mapping.ts';
import { readMembers } from './resources.ts';
import type { Answers } from './resources.ts';

/** What one transaction of the store takes at most. */
const MOST_CHANGES = 500;

interface Reading {
  zone: string;
  owner: readonly string[];
  replaces: boolean;
}

/**
 * Reads members in their order until a page is full. `after` is the last one read, null when all
 * were. A resource is never divided between pages; one with more exceptions than a page fills one.
 */
export async function readPage(
  dav: Dav,
  asked: { collection: URL; members: readonly Member[] } & Reading,
): Promise<Mapped & { after: string | null }> {
  const { collection, members } = asked;
  const { pageSize, multigetSize } = dav.limits;
  const page: Mapped = { changes: [], withheld: [] };
  let after: string | null = null;
  for (let at = 0; at < members.length; at += multigetSize) {
    if (sizeOf(page) >= pageSize || at >= pageSize) return { ...page, after };
    const batch = members.slice(at, Math.min(at + multigetSize, pageSize));
    const wanted = batch.filter(({ isGone }) => !isGone);
    const answers: Answers =
      wanted.length > 0 ? await readMembers(dav, collection, wanted) : new Map();
    for (const member of batch) {
      const mapped = mapMember(member, answers, asked);
      const isFull = sizeOf(page) > 0 && sizeOf(page) + sizeOf(mapped) > MOST_CHANGES;
      if (isFull) return { ...page, after };
      page.changes.push(...mapped.changes);
      page.withheld.push(...mapped.withheld);
      after = member.id;
    }
  }
  return { ...page, after: members.length > pageSize ? after : null };
}

const sizeOf = ({ changes, withheld }: Mapped): number => changes.length + withheld.length;

function mapMember(
  { id, isGone }: Member,
  answers: Answers,
  { zone, owner, replaces }: Reading,
): Mapped {
  const answer = answers.get(id) ?? 'gone';
  if (isGone) return { changes: [goneMember(id)], withheld: [] };
  // Deleted since it was listed: the next pass is told so by the server itself.
  if (answer === 'gone') return { changes: [], withheld: [] };
  if (answer === 'refused') return { changes: [], withheld: [unread(id, 'refused')] };
  return mapResource(answer, { zone, owner, replaces });
}
