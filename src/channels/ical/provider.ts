import { Failure } from '../../domain/failure.ts';
import type { FetchOutside, OutboundResponse } from '../../outbound/outbound.ts';
import type {
  Access,
  ChannelProvider,
  Credential,
  Pulled,
  PullInput,
} from '../channel-provider.ts';
import { ageMsOf, failureOfStatus, validatorsOf } from './answer.ts';
import { decodeFeed } from './decode.ts';
import { pageOf, readContent } from './mapping.ts';
import type { FeedContent } from './mapping.ts';
import {
  fingerprintOf,
  readCheckpoint,
  readCursor,
  textHashOf,
  writePosition,
} from './position.ts';
import type { Checkpoint, Cursor } from './position.ts';

interface IcalLimits {
  maxBytes: number;
  connectTimeoutMs: number;
  totalTimeoutMs: number;
  maxRedirects: number;
  /** Entries per page of a pass. */
  pageSize: number;
}

export interface IcalSettings {
  fetchOutside: FetchOutside;
  limits?: Partial<IcalLimits>;
}

const LIMITS: IcalLimits = {
  maxBytes: 10 * 1_024 * 1_024,
  connectTimeoutMs: 10_000,
  totalTimeoutMs: 45_000,
  maxRedirects: 5,
  pageSize: 500,
};

/** Feeds drop entries for a while when their site has trouble; a second reading must agree. */
const ABSENCE_CONFIRM_MS = 600_000;

/** Passes of more than one page under way; the oldest is forgotten, and its file read again. */
const MAX_OPEN_PASSES = 4;

interface Feed {
  fetchOutside: FetchOutside;
  limits: IcalLimits;
  /** By address and content, what the first page was cut from: saves a download per page. */
  openPasses: Map<string, Loaded>;
}

interface Loaded {
  content: FeedContent;
  headers: Record<string, string>;
  textHash: string;
}

/**
 * A calendar published as a file at a secret address (RFC 5545), polled. A pass is the whole file;
 * a file that says the same as last time, by its validators or by its content, is a delta of
 * nothing. What a file cannot do (sign-in, push, write, read) fails with `invalid: unsupported`.
 */
export function createIcalProvider(settings: IcalSettings): ChannelProvider {
  const feed: Feed = {
    fetchOutside: settings.fetchOutside,
    limits: { ...LIMITS, ...settings.limits },
    openPasses: new Map(),
  };
  return {
    channel: 'ical',
    supports: {
      oauth: false,
      push: false,
      write: false,
      renewal: 'none',
      absenceConfirmMs: ABSENCE_CONFIRM_MS,
      endsWithLastEntry: true,
      readAhead: true,
    },
    prove: async ({ credential }) => {
      await load(feed, { url: urlOf(credential), zone: 'UTC', signal: neverAborted() });
      return { credential, subject: null };
    },
    listCalendars: async ({ access }) => {
      const url = urlOf(access);
      const { content } = await load(feed, { url, zone: 'UTC', signal: neverAborted() });
      const timeZone = content.zone ?? 'UTC';
      // The host names it; the rest of the address is a secret.
      const name = new URL(url).hostname;
      const id = fingerprintOf(url);
      return [{ id, name, timeZone, push: false, write: false, primary: true }];
    },
    pull: (input) => (input.checkpoint === null ? begin(feed, input) : resume(feed, input)),
    authorizationUrl: refuse,
    receive: () => ({ reply: { status: 404 }, hints: [] }),
    exchange: refuseLater,
    refresh: refuseLater,
    watch: refuseLater,
    renew: refuseLater,
    unwatch: refuseLater,
    write: refuseLater,
    remove: refuseLater,
    read: refuseLater,
    freeBusy: () => Promise.resolve(null),
  };
}

/** The first page of a pass, asked for on the condition that the file has changed. */
async function begin(feed: Feed, input: PullInput): Promise<Pulled> {
  const url = urlOf(input.access);
  const cursor = input.cursor === null ? null : readCursor(input.cursor);
  if (input.cursor !== null && cursor?.feed !== fingerprintOf(url))
    return { kind: 'cursor-lost', what: 'cursor' };
  const conditions = cursor ? conditionsOf(cursor) : {};
  const answer = await get(feed, { url, headers: conditions, signal: input.signal });
  if (answer.status === 304 && cursor && Object.keys(conditions).length > 0)
    return nothingNew(cursor, answer.headers);
  const { timeZone } = input.calendar;
  if (cursor && answer.status === 200 && cursor.textHash === textHashOf(answer.body, timeZone))
    return nothingNew({ ...cursor, ...validatorsOf(answer.headers) }, answer.headers);
  const loaded = understand(answer, timeZone);
  if (cursor?.contentHash === loaded.content.hash)
    return nothingNew(newCursor(loaded, url), answer.headers, loaded.content);
  return page(feed, loaded, { url, offset: 0 });
}

/**
 * A later page of the same content. When this process did not read the first page, or no longer
 * has it, the file is read again and must still say what it said then.
 */
async function resume(feed: Feed, input: PullInput): Promise<Pulled> {
  const url = urlOf(input.access);
  const checkpoint: Checkpoint | null = readCheckpoint(input.checkpoint ?? '');
  if (checkpoint?.feed !== fingerprintOf(url)) return { kind: 'cursor-lost', what: 'checkpoint' };
  const loaded =
    feed.openPasses.get(passKey(checkpoint)) ??
    (await load(feed, { url, zone: input.calendar.timeZone, signal: input.signal }));
  if (loaded.content.hash !== checkpoint.contentHash)
    return { kind: 'cursor-lost', what: 'checkpoint' };
  return page(feed, loaded, { url, offset: checkpoint.offset });
}

const passKey = ({ feed, contentHash }: Cursor | Checkpoint): string => `${feed} ${contentHash}`;

function keepPass(feed: Feed, key: string, loaded: Loaded): void {
  feed.openPasses.set(key, loaded);
  for (const oldest of feed.openPasses.keys()) {
    if (feed.openPasses.size <= MAX_OPEN_PASSES) return;
    feed.openPasses.delete(oldest);
  }
}

function page(feed: Feed, loaded: Loaded, at: { url: string; offset: number }): Pulled {
  const { content, headers } = loaded;
  const { changes, withheld, nextOffset } = pageOf(content, at.offset, feed.limits.pageSize);
  const cursor = newCursor(loaded, at.url);
  const { feed: fingerprint, contentHash } = cursor;
  if (nextOffset === null) feed.openPasses.delete(passKey(cursor));
  else keepPass(feed, passKey(cursor), loaded);
  return {
    kind: 'snapshot',
    changes,
    withheld,
    nextCursor: nextOffset === null ? writePosition(cursor) : null,
    checkpoint:
      nextOffset === null
        ? null
        : writePosition({ feed: fingerprint, contentHash, offset: nextOffset }),
    more: nextOffset !== null,
    ageMs: ageMsOf(headers),
    ...zoneOf(content),
  };
}

const nothingNew = (
  cursor: Cursor,
  headers: Record<string, string>,
  content?: FeedContent,
): Pulled => ({
  kind: 'delta',
  changes: [],
  withheld: [],
  nextCursor: writePosition(cursor),
  checkpoint: null,
  more: false,
  ageMs: ageMsOf(headers),
  ...zoneOf(content),
});

const zoneOf = (content: FeedContent | undefined): { timeZone?: string } =>
  content?.zone ? { timeZone: content.zone } : {};

const newCursor = ({ content, headers, textHash }: Loaded, url: string): Cursor => ({
  feed: fingerprintOf(url),
  contentHash: content.hash,
  textHash,
  ...validatorsOf(headers),
});

const conditionsOf = (cursor: Cursor): Record<string, string> => ({
  ...(cursor.etag === null ? {} : { 'if-none-match': cursor.etag }),
  ...(cursor.lastModified === null ? {} : { 'if-modified-since': cursor.lastModified }),
});

async function load(
  feed: Feed,
  asked: { url: string; zone: string; signal: AbortSignal },
): Promise<Loaded> {
  const { url, zone, signal } = asked;
  return understand(await get(feed, { url, headers: {}, signal }), zone);
}

function understand(answer: OutboundResponse, zone: string): Loaded {
  const { status, headers, body } = answer;
  if (status !== 200) throw failureOfStatus(status, headers);
  const content = readContent(decodeFeed(body, headers['content-type']), zone);
  return { content, headers, textHash: textHashOf(body, zone) };
}

function get(
  feed: Feed,
  asked: { url: string; headers: Record<string, string>; signal: AbortSignal },
): Promise<OutboundResponse> {
  const { maxBytes, connectTimeoutMs, totalTimeoutMs, maxRedirects } = feed.limits;
  return feed.fetchOutside({
    url: asked.url,
    headers: {
      accept: 'text/calendar, */*;q=0.1',
      'user-agent': 'Holdfast (calendar feed reader)',
      ...asked.headers,
    },
    maxBytes,
    connectTimeoutMs,
    totalTimeoutMs,
    maxRedirects,
    signal: asked.signal,
  });
}

function urlOf(access: Access | Credential): string {
  if (access.kind === 'url' && URL.canParse(access.url)) return access.url;
  throw new Failure({ kind: 'invalid', code: 'access-kind' });
}

/** Where the port gives no signal, the time limits alone end a request. */
const neverAborted = (): AbortSignal => new AbortController().signal;

const refuse = (): never => {
  throw new Failure({ kind: 'invalid', code: 'unsupported' });
};

const refuseLater = async (): Promise<never> => refuse();
