import { askMultistatus, invalid } from './dav.ts';
import type { Dav } from './dav.ts';
import { canonicalPath, memberId } from './hrefs.ts';
import { childOf, childrenOf, DAV, readXml } from './xml.ts';
import type { XmlElement } from './xml.ts';

/** One resource of a collection as a listing tells it. */
export interface Member {
  id: string;
  /** The server's own spelling, which is what it is asked with. */
  href: string;
  /** With its quotes; null where the server gives none. */
  etag: string | null;
  isGone: boolean;
}

export interface Listing {
  /** By id, each once, in the order of ids. */
  members: Member[];
  /** `DAV:sync-token`, opaque; null where the answer has none. */
  token: string | null;
  /** The server stopped before the end, and its token continues (RFC 6578 §3.6). */
  isTruncated: boolean;
  ageMs: number;
}

/**
 * One `sync-collection` REPORT (RFC 6578 §3.2); an empty token asks for everything. A limit is asked
 * only of a server that has answered 507 before: others cut the answer short without saying so, and
 * give the whole token (Xandikos 0.4.10).
 */
export async function syncCollection(
  dav: Dav,
  asked: { collection: URL; token: string; limit: number | null },
): Promise<Omit<Listing, 'ageMs'> & { headers: Record<string, string> }> {
  const { collection, token, limit } = asked;
  const limits =
    limit === null ? '' : `<d:limit><d:nresults>${Math.trunc(limit)}</d:nresults></d:limit>`;
  const body =
    '<?xml version="1.0" encoding="utf-8"?><d:sync-collection xmlns:d="DAV:">' +
    `<d:sync-token>${escaped(token)}</d:sync-token><d:sync-level>1</d:sync-level>${limits}` +
    '<d:prop><d:getetag/></d:prop></d:sync-collection>';
  const request = { method: 'REPORT', url: collection, depth: '0', body } as const;
  const { text, headers } = await askMultistatus(dav, request);
  const root = multistatusOf(text);
  const told = childOf(root, 'sync-token')?.text.trim() ?? '';
  return {
    members: membersOf(root, collection),
    token: told === '' ? null : told,
    isTruncated: isTruncated(root, collection),
    headers,
  };
}

/** Every member with its etag: one PROPFIND of depth 1, which every WebDAV server answers. */
export async function listEtags(
  dav: Dav,
  collection: URL,
): Promise<{ members: Member[]; headers: Record<string, string> }> {
  const body =
    '<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:">' +
    '<d:prop><d:getetag/><d:resourcetype/></d:prop></d:propfind>';
  const request = { method: 'PROPFIND', url: collection, depth: '1', body } as const;
  const { text, headers } = await askMultistatus(dav, request);
  const root = multistatusOf(text);
  // An answer cut short would make everything after the cut look gone.
  if (isTruncated(root, collection)) throw invalid('listing-truncated');
  return { members: membersOf(root, collection).filter((one) => !one.isGone), headers };
}

export function multistatusOf(text: string): XmlElement {
  const root = readXml(text);
  if (root.name !== 'multistatus' || root.space !== DAV) throw invalid('not-caldav');
  return root;
}

function membersOf(root: XmlElement, collection: URL): Member[] {
  const byId = new Map<string, Member>();
  for (const response of childrenOf(root, 'response')) {
    if (isCollection(response)) continue;
    const status = statusOf(response);
    // One response may name several hrefs when it has but a status (RFC 4918 §14.24).
    for (const { text } of childrenOf(response, 'href')) {
      const href = text.trim();
      const id = memberId(href, collection);
      if (id === null || id === '') continue;
      byId.set(id, { id, href, etag: etagOf(response), isGone: status === 404 || status === 410 });
    }
  }
  return [...byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** 507 on the collection's own href, or on one that names nothing else (RFC 6578 §3.6). */
const isTruncated = (root: XmlElement, collection: URL): boolean =>
  childrenOf(root, 'response').some(
    (response) =>
      statusOf(response) === 507 &&
      childrenOf(response, 'href').every(
        ({ text }) =>
          text.trim() === '' ||
          memberId(text, collection) === null ||
          canonicalPath(text, collection) === canonicalPath(collection.href, collection),
      ),
  );

const isCollection = (response: XmlElement): boolean =>
  childrenOf(response, 'propstat').some(
    (propstat) =>
      childOf(childOf(childOf(propstat, 'prop'), 'resourcetype'), 'collection') !== undefined,
  );

/** The status of the whole response; a member with properties has none. */
function statusOf(response: XmlElement): number | null {
  const status = childOf(response, 'status');
  return status ? codeOf(status.text) : null;
}

export const codeOf = (statusLine: string): number | null => {
  const code = /^\s*HTTP\/\S+\s+(\d{3})\b/i.exec(statusLine)?.[1];
  return code === undefined ? null : Number(code);
};

function etagOf(response: XmlElement): string | null {
  for (const propstat of childrenOf(response, 'propstat')) {
    const code = codeOf(childOf(propstat, 'status')?.text ?? 'HTTP/1.1 200');
    const etag = childOf(childOf(propstat, 'prop'), 'getetag')?.text.trim() ?? '';
    if (code !== null && code < 300 && etag !== '') return etag;
  }
  return null;
}

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
