import { davRequest } from 'tsdav';
import type { DAVResponse } from 'tsdav';
import { invalid, refused, send } from './dav.ts';
import type { Dav } from './dav.ts';
import { memberId, memberUrl } from './hrefs.ts';
import type { Member } from './listing.ts';
import type { Resource } from './mapping.ts';
import { transportOf } from './transport.ts';

/** What became of each asked member: read, gone meanwhile, or refused. */
export type Answers = Map<string, Resource | 'gone' | 'refused'>;

const NAMESPACES = { 'xmlns:d': 'DAV:', 'xmlns:c': 'urn:ietf:params:xml:ns:caldav' };

/**
 * Reads members by `calendar-multiget` (RFC 4791 §7.9). A server may leave hrefs out of its answer;
 * they are asked for one by one, because what is missing in an answer is not gone.
 */
export async function readMembers(
  dav: Dav,
  collection: URL,
  members: readonly Member[],
): Promise<Answers> {
  const answers: Answers = new Map();
  if (members.length > 1) await multiget(dav, { collection, members }, answers);
  for (const member of members)
    if (!answers.has(member.id))
      answers.set(member.id, (await readMember(dav, collection, member.id)) ?? 'gone');
  return answers;
}

async function multiget(
  dav: Dav,
  { collection, members }: { collection: URL; members: readonly Member[] },
  answers: Answers,
): Promise<void> {
  const etags = new Map(members.map(({ id, etag }) => [id, etag]));
  const responses = await davRequest({
    url: collection.href,
    init: {
      method: 'REPORT',
      headers: { depth: '1' },
      namespace: 'c',
      body: {
        'calendar-multiget': {
          _attributes: NAMESPACES,
          'd:prop': { 'd:getetag': {}, 'c:calendar-data': {} },
          'd:href': members.map(({ href, id }) => askedPath(href, id, collection)),
        },
      },
    },
    fetch: transportOf(dav).fetch,
  });
  for (const response of responses) {
    requireRead(response);
    const id = textOf(response.href) === null ? null : memberId(textOf(response.href)!, collection);
    if (id === null || !etags.has(id)) continue;
    const data = textOf(response.props?.['calendarData']);
    // An etag that looks like a number is one no longer; the listing has it as it was written.
    const etag = stringOf(response.props?.['getetag']) ?? etags.get(id) ?? null;
    if (response.status === 404 || response.status === 410) answers.set(id, 'gone');
    else if (data !== null) answers.set(id, { id, etag, data });
  }
}

/** The server's own spelling of the path, without whatever origin it wrote before it. */
const askedPath = (href: string, id: string, collection: URL): string =>
  URL.canParse(href, collection.href)
    ? new URL(href, collection).pathname
    : memberUrl(id, collection).pathname;

/** tsdav hands a document that it could not read through as text, as if all had gone well. */
function requireRead(response: DAVResponse): void {
  if (typeof response.raw === 'string' || !response.raw?.multistatus) throw invalid('bad-xml');
}

/** GET of one member; null when there is none, `refused` when this one may not be read. */
export async function readMember(
  dav: Dav,
  collection: URL,
  id: string,
): Promise<Resource | 'refused' | null> {
  const url = memberUrl(id, collection);
  const answer = await send(dav, {
    method: 'GET',
    url,
    // Proxies that compress an answer change its etag, which then matches nothing.
    headers: { accept: 'text/calendar, */*;q=0.1', 'accept-encoding': 'identity' },
  });
  if (answer.status === 404 || answer.status === 410) return null;
  if (answer.status === 403) return 'refused';
  if (answer.status !== 200) throw refused(dav, answer);
  return { id, etag: answer.headers['etag'] ?? null, data: answer.text };
}

/** CDATA comes as an object of its own. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'object' && value !== null && '_cdata' in value) return textOf(value._cdata);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : null;
}

const stringOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
