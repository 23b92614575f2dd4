import { Failure } from '../../domain/failure.ts';
import type { PullInput, Pulled } from '../channel-provider.ts';
import { readFacts } from './collections.ts';
import { invalid, nowOf, openDav } from './dav.ts';
import type { CaldavSettings, Dav } from './dav.ts';
import { ageMsOf } from './failures.ts';
import { collectionUrl } from './hrefs.ts';
import { listEtags, syncCollection } from './listing.ts';
import type { Listing } from './listing.ts';
import { addressesOf } from './owner.ts';
import {
  contentDigest,
  digestOf,
  namesDigest,
  readCheckpoint,
  readCursor,
  writePosition,
} from './position.ts';
import type { Checkpoint, Cursor, DigestCursor, TokenCursor } from './position.ts';
import { readPage } from './pages.ts';
import { isWholeListing } from './whole-listing.ts';

/** Listings of passes under way, so that a page does not ask for all members again. */
export type OpenListings = Map<string, Listing>;
const MAX_OPEN_LISTINGS = 8;

/** An unchanged ctag is believed for this long; some servers move it late. */
const CTAG_TRUST_MS = 15 * 60_000;

interface Pass {
  dav: Dav;
  collection: URL;
  input: PullInput;
  open: OpenListings;
}

type Lost = Extract<Pulled, { kind: 'cursor-lost' }>;
const lost = (what: Lost['what']): Lost => ({ kind: 'cursor-lost', what });

/**
 * One page of a pass. A server with sync tokens (RFC 6578) tells what changed. For one without, the
 * cursor holds its ctag and a digest of all etags: while either stands still a pass is one or two
 * small requests; once both moved, every resource is read again and absence counts. The port has no
 * known state to compare single etags with, and such servers are few and their calendars small.
 */
export async function pull(
  settings: CaldavSettings,
  open: OpenListings,
  input: PullInput,
): Promise<Pulled> {
  const dav = openDav(settings, input.access, input.signal);
  if (!URL.canParse(input.calendar.id)) throw invalid('calendar-id');
  const collection = collectionUrl(new URL(input.calendar.id));
  const pass: Pass = { dav, collection, input, open };
  if (input.checkpoint !== null) {
    const at = readCheckpoint(input.checkpoint, input.calendar);
    return at ? onward(pass, at, 'checkpoint') : lost('checkpoint');
  }
  if (input.cursor === null) return onward(pass, everything(''), 'cursor');
  const cursor = readCursor(input.cursor, input.calendar);
  if (!cursor) return lost('cursor');
  return cursor.kind === 'token' ? onward(pass, since(cursor), 'cursor') : compare(pass, cursor);
}

const everything = (ask: '' | null): Checkpoint => ({
  isWhole: true,
  ask,
  listing: null,
  after: null,
  next: null,
  limits: false,
  members: 0,
  zone: null,
  owner: [],
});

const since = (cursor: TokenCursor): Checkpoint => ({
  ...everything(''),
  isWhole: false,
  ask: cursor.token,
  limits: cursor.limits,
  owner: cursor.owner,
});

/** A server without tokens: has anything moved at all? */
async function compare(pass: Pass, cursor: DigestCursor): Promise<Pulled> {
  const nowAt = nowOf(pass.dav.settings);
  const { ctag, ageMs } = await readFacts(pass.dav, pass.collection);
  const isTrusted = nowAt - cursor.listedAt < CTAG_TRUST_MS;
  if (ctag !== null && ctag === cursor.ctag && isTrusted) return nothingNew(pass, cursor, ageMs);
  const { members } = await listEtags(pass.dav, pass.collection);
  const digest = contentDigest(members);
  if (digest === null || digest !== cursor.digest)
    return onward(pass, everything(null), 'checkpoint');
  return nothingNew(pass, { kind: 'digest', ctag, digest, listedAt: nowAt }, ageMs);
}

const nothingNew = ({ input }: Pass, cursor: Cursor, ageMs: number): Pulled => ({
  kind: 'delta',
  changes: [],
  withheld: [],
  nextCursor: writePosition(input.calendar, cursor),
  checkpoint: null,
  more: false,
  ageMs,
});

/** Lists, unless this listing is known still, and reads the next page of it. */
async function onward(pass: Pass, from: Checkpoint, what: Lost['what']): Promise<Pulled> {
  const known = pass.open.get(keyOf(pass, from));
  const found = from.listing && known ? { at: from, listing: known } : await list(pass, from);
  if (found === 'lost') return lost(what);
  const { at, listing } = found;
  const zone = at.zone ?? pass.input.calendar.timeZone;
  const { after, changes, withheld } = await readPage(pass.dav, {
    collection: pass.collection,
    members: at.after === null ? listing.members : laterThan(listing, at.after),
    zone,
    owner: at.owner,
    // Where absence counts, what a resource lost is absent; unless an earlier listing had it.
    replaces: !at.isWhole || (at.ask !== null && at.ask !== ''),
  });
  const next = nextOf(at, listing, after);
  if (after === null) pass.open.delete(keyOf(pass, at));
  else keep(pass, at, listing);
  return {
    kind: at.isWhole ? 'snapshot' : 'delta',
    changes,
    withheld,
    nextCursor: next.cursor && writePosition(pass.input.calendar, next.cursor),
    checkpoint: next.checkpoint && writePosition(pass.input.calendar, next.checkpoint),
    more: next.checkpoint !== null,
    ageMs: listing.ageMs,
    ...(at.zone === null ? {} : { timeZone: at.zone }),
  };
}

const laterThan = (listing: Listing, id: string): Listing['members'] =>
  listing.members.filter((member) => member.id > id);

function nextOf(
  at: Checkpoint,
  listing: Listing,
  after: string | null,
): { cursor: Cursor | null; checkpoint: Checkpoint | null } {
  if (after !== null) return { cursor: null, checkpoint: { ...at, after } };
  const members = at.members + listing.members.filter(({ isGone }) => !isGone).length;
  const token = at.next?.kind === 'token' ? at.next.token : null;
  if (at.listing?.isTruncated && token !== null)
    return {
      cursor: null,
      checkpoint: { ...at, ask: token, listing: null, after: null, next: null, members },
    };
  const { next } = at;
  const cursor = next?.kind === 'token' && at.isWhole ? { ...next, members } : next;
  return { cursor, checkpoint: null };
}

interface Found {
  at: Checkpoint;
  listing: Listing;
}

/** Asks for the listing at `from`. One that was asked for before goes on where its reading stood. */
async function list(pass: Pass, from: Checkpoint): Promise<Found | 'lost'> {
  const found = from.ask === null ? await listByEtags(pass, from) : await listByToken(pass, from);
  if (found === 'lost' || from.listing === null) return found;
  const same = found.at.listing?.digest === from.listing.digest;
  const bothWhole = !found.at.listing?.isTruncated && !from.listing.isTruncated;
  // The pass ends where its first answer said: what changed since then is told to the next one.
  if (same || bothWhole) return { at: from, listing: found.listing };
  // Another part of the whole: what comes early in it may not have been read.
  return { ...found, at: { ...found.at, after: null } };
}

async function listByToken(pass: Pass, from: Checkpoint): Promise<Found | 'lost'> {
  const { dav, collection } = pass;
  const token = from.ask ?? '';
  const madeAt = nowOf(dav.settings);
  try {
    const limit = from.limits ? dav.limits.pageSize : null;
    const { headers, ...rest } = await syncCollection(dav, { collection, token, limit });
    const listing: Listing = { ...rest, ageMs: ageMsOf(headers) };
    if (listing.token === null) return await listByEtags(pass, everything(null));
    if (listing.isTruncated && listing.token === token)
      throw new Failure({ kind: 'unavailable', code: 'sync-does-not-advance' });
    const limits = from.limits || listing.isTruncated;
    const { owner } = from;
    const next: Cursor = { kind: 'token', token: listing.token, limits, members: 0, madeAt, owner };
    return await begun(pass, { ...from, limits, next }, listing);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (token !== '' && TOKEN_REFUSED.has(error.code)) return 'lost';
    if (token === '' && NO_SYNC.has(error.code)) return listByEtags(pass, everything(null));
    throw error;
  }
}

/** RFC 6578 §3.2 asks for the precondition; the statuses are those that servers send without it. */
const TOKEN_REFUSED = new Set([
  'valid-sync-token',
  'http-403',
  'http-409',
  'http-410',
  'conditionNotMet',
]);

/** What a server answers to an empty token when it knows no such report, or cannot cut its answer. */
const NO_SYNC = new Set([
  'supported-report',
  'number-of-matches-within-limits',
  'http-400',
  'http-403',
  'http-405',
  'http-415',
  'http-422',
  'http-501',
  'http-507',
]);

async function begun(pass: Pass, from: Checkpoint, listing: Listing): Promise<Found> {
  const { dav, collection, input } = pass;
  const { isTruncated } = listing;
  const at = { ...from, listing: { digest: namesDigest(listing.members), isTruncated } };
  if (at.isWhole && at.ask === '') {
    const facts = await readFacts(dav, collection);
    const owner = await addressesOf(dav, facts.owner);
    const next = at.next?.kind === 'token' ? { ...at.next, owner } : at.next;
    return { at: { ...at, zone: facts.zone, owner, next }, listing };
  }
  const cursor = input.cursor === null ? null : readCursor(input.cursor, input.calendar);
  if (at.isWhole || cursor?.kind !== 'token' || at.next?.kind !== 'token') return { at, listing };
  const told = await isWholeListing(dav, { collection, listing, cursor });
  const next = { ...at.next, members: told.members };
  return { at: { ...at, isWhole: told.isWhole, next }, listing };
}

async function listByEtags({ dav, collection }: Pass, from: Checkpoint): Promise<Found> {
  const listedAt = nowOf(dav.settings);
  // Before the listing: a change in between makes the next pass look, and is never overlooked.
  const { ctag, zone, ...facts } = await readFacts(dav, collection);
  const owner = await addressesOf(dav, facts.owner);
  const { members, headers } = await listEtags(dav, collection);
  const listing: Listing = { members, token: null, isTruncated: false, ageMs: ageMsOf(headers) };
  const next: Cursor = { kind: 'digest', ctag, digest: contentDigest(members), listedAt };
  const told = { digest: namesDigest(members), isTruncated: false };
  return { at: { ...from, ask: null, listing: told, next, zone, owner }, listing };
}

/** Of the password too: a listing is for whoever could ask for it. */
function keyOf({ input, dav }: Pass, { ask, listing }: Checkpoint): string {
  const { username, password } = dav.access;
  return digestOf([username, password, input.calendar.id, ask ?? '-', listing?.digest ?? '']);
}

function keep(pass: Pass, at: Checkpoint, listing: Listing): void {
  pass.open.set(keyOf(pass, at), listing);
  for (const oldest of pass.open.keys()) {
    if (pass.open.size <= MAX_OPEN_LISTINGS) return;
    pass.open.delete(oldest);
  }
}
