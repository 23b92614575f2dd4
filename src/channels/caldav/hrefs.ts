/**
 * Members of a collection by their hrefs. Servers spell one href in several ways: absolute or not,
 * with other percent-encoding, under another scheme behind a proxy. Only the path tells members
 * apart, and only the collection's own origin is ever asked for them.
 */

/** The path with every segment encoded in one way; null for what is no href. */
export function canonicalPath(href: string, base: URL): string | null {
  const written = href.trim();
  if (!URL.canParse(written, base.href)) return null;
  return new URL(written, base).pathname.split('/').map(canonicalSegment).join('/');
}

function canonicalSegment(segment: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(segment));
  } catch {
    // Bytes that are no UTF-8 stay as they are.
    return segment;
  }
}

/**
 * A member's id: its path below the collection, or its whole path where it lies elsewhere. Null for
 * the collection itself and for collections in it.
 */
export function memberId(href: string, collection: URL): string | null {
  const path = canonicalPath(href, collection);
  const home = canonicalPath(collectionUrl(collection).href, collection);
  if (path === null || home === null || path.endsWith('/') || `${path}/` === home) return null;
  return path.startsWith(home) ? path.slice(home.length) : path;
}

/** Where a member is asked for; always at the collection's own origin. */
export const memberUrl = (id: string, collection: URL): URL => {
  const base = collectionUrl(collection);
  return id.startsWith('/') && !id.startsWith('//')
    ? new URL(`${base.origin}${id}`)
    : new URL(`${base.href}${id}`);
};

/** With the slash at its end that makes hrefs resolve below it. */
export function collectionUrl(url: URL): URL {
  const slashed = new URL(url.href);
  slashed.hash = '';
  slashed.search = '';
  if (!slashed.pathname.endsWith('/')) slashed.pathname += '/';
  return slashed;
}
