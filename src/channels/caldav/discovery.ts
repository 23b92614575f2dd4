import type { DAVResponse } from 'tsdav';
import type { Failure } from '../../domain/failure.ts';
import type { Credential } from '../channel-provider.ts';
import { propfindAt } from './collections.ts';
import { invalid, mayGetPassword, openDav } from './dav.ts';
import type { CaldavSettings, Dav } from './dav.ts';
import { textOf } from './resources.ts';
import { isKind } from './failures.ts';
import { collectionUrl } from './hrefs.ts';

/** What an account without a server is at: iCloud takes an Apple ID and an app-specific password. */
const ICLOUD_SERVER_URL = 'https://caldav.icloud.com/';

const ASKED = {
  'd:current-user-principal': {},
  'd:resourcetype': {},
  'c:calendar-home-set': {},
};

/** Everything of one account, whatever its server does. */
const TOTAL_TIMEOUT_MS = 90_000;

/**
 * Finds where an account's calendars live (RFC 6764 §6, RFC 4791 §6.2.1): well-known address,
 * principal, home set. Every step is refused that would bring the password to another party. Throws
 * `unauthorized` when the password is refused, `invalid`: `no-calendars-here` when nothing is there.
 */
export async function prove(
  settings: CaldavSettings,
  given: Credential,
): Promise<{ credential: Credential; subject: string | null }> {
  if (given.kind !== 'basic') throw invalid('access-kind');
  const { username, password } = given;
  const credential = {
    kind: 'basic' as const,
    serverUrl: addressOf(given.serverUrl),
    username,
    password,
  };
  const dav = openDav(settings, credential, AbortSignal.timeout(TOTAL_TIMEOUT_MS));
  const { home, principal } = await findHome(dav);
  // Some servers name the principal to anybody; the home is where the password counts.
  await propfindAt(dav, { url: home, props: { 'd:resourcetype': {} }, depth: '0' });
  return {
    credential: { ...credential, homeUrl: home.href },
    subject: (principal ?? home).href,
  };
}

/** As people write it: without a scheme, with spaces around; empty means iCloud. */
function addressOf(serverUrl: string): string {
  const written = serverUrl.trim();
  if (written === '') return ICLOUD_SERVER_URL;
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `https://${written}`;
  if (!URL.canParse(address)) throw invalid('server-url');
  return new URL(address).href;
}

interface Home {
  home: URL;
  principal: URL | null;
}

async function findHome(dav: Dav): Promise<Home> {
  let refusal: Failure | null = null;
  for (const place of placesOf(new URL(dav.access.serverUrl))) {
    try {
      const found = await homeFrom(dav, place);
      if (found) return found;
    } catch (error) {
      // Not every place has to exist, or to be open; a wrong password or a host in trouble ends it.
      const isClosed = isKind(error, 'unauthorized') && error.code !== 'http-401';
      if (!isClosed && !isKind(error, 'not-found', 'invalid', 'conflict')) throw error;
      refusal ??= isClosed || isAboutParties(error) ? error : null;
    }
  }
  throw refusal ?? invalid('no-calendars-here');
}

const isAboutParties = ({ code }: Failure): boolean =>
  code === 'other-party' || code === 'https-needed' || code.startsWith('outbound-');

/** A path was given for a reason; else the well-known address comes first (RFC 6764 §6). */
function placesOf(server: URL): URL[] {
  const wellKnown = new URL('/.well-known/caldav', server);
  const root = new URL('/', server);
  return server.pathname === '/' ? [wellKnown, root] : [server, wellKnown, root];
}

async function homeFrom(dav: Dav, place: URL): Promise<Home | null> {
  const { responses, url } = await propfindAt(dav, { url: place, props: ASKED, depth: '0' });
  const at = { dav, base: url };
  const homeHere = hrefOf(responses, 'calendarHomeSet', at);
  const principal = hrefOf(responses, 'currentUserPrincipal', at);
  if (homeHere) return { home: homeHere, principal };
  if (principal) {
    const there = await propfindAt(dav, { url: principal, props: ASKED, depth: '0' });
    const home = hrefOf(there.responses, 'calendarHomeSet', { dav, base: there.url });
    if (home) return { home, principal };
  }
  return isCalendar(responses) ? { home: collectionUrl(url), principal } : null;
}

const isCalendar = (responses: readonly DAVResponse[]): boolean =>
  responses.some(({ props }) => Object.hasOwn(Object(props?.['resourcetype']), 'calendar'));

/** The first place that a property names and that may get the password. */
function hrefOf(
  responses: readonly DAVResponse[],
  property: string,
  { dav, base }: { dav: Dav; base: URL },
): URL | null {
  const hrefs = responses.flatMap(({ props }) => hrefsIn(props?.[property]));
  const urls = hrefs.flatMap((href) =>
    URL.canParse(href, base.href) ? [new URL(href, base)] : [],
  );
  const usable = urls.find((url) => mayGetPassword(dav, url));
  if (!usable && urls.length > 0) throw invalid('other-party');
  return usable ?? null;
}

/** One href, or several: as text, as CDATA, or each an element of its own. */
function hrefsIn(value: unknown): string[] {
  const properties = Array.isArray(value) ? value : [value];
  return properties.flatMap((property: unknown) => {
    if (typeof property !== 'object' || property === null || !('href' in property)) return [];
    const hrefs: unknown[] = Array.isArray(property.href) ? property.href : [property.href];
    return hrefs.flatMap((href) => textOf(href)?.trim() || []);
  });
}
