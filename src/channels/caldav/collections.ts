import { propfind } from 'tsdav';
import type { DAVResponse } from 'tsdav';
import { zoneOfTimezone } from '../../calendar/calendar-zone.ts';
import { zoneIsKnown } from '../../calendar/zones.ts';
import type { ListedCalendar } from '../channel-provider.ts';
import { askMultistatus, invalid, mayGetPassword } from './dav.ts';
import type { Dav } from './dav.ts';
import { ageMsOf } from './failures.ts';
import { collectionUrl } from './hrefs.ts';
import { codeOf, multistatusOf } from './listing.ts';
import { textOf } from './resources.ts';
import { transportOf } from './transport.ts';
import { CALDAV, CALENDAR_SERVER, childOf, childrenOf, DAV } from './xml.ts';
import type { XmlElement } from './xml.ts';

const ASKED = {
  'd:resourcetype': {},
  'd:displayname': {},
  'd:current-user-privilege-set': {},
  'c:supported-calendar-component-set': {},
  'c:calendar-timezone': {},
  'c:calendar-timezone-id': {},
};

/** A property of a tsdav answer: an element, several of one name, or text. */
type Property = Record<string, unknown>;

/** PROPFIND through tsdav; a document it could not read is refused here, not taken for empty. */
export async function propfindAt(
  dav: Dav,
  asked: { url: URL; props: Record<string, object>; depth: '0' | '1' },
): Promise<{ responses: DAVResponse[]; url: URL }> {
  const transport = transportOf(dav);
  const { url, props, depth } = asked;
  const responses = await propfind({ url: url.href, props, depth, fetch: transport.fetch });
  if (responses.some(({ raw }) => typeof raw === 'string' || !raw?.multistatus))
    throw invalid('not-caldav');
  return { responses, url: transport.last().url };
}

/**
 * The calendars of a home set that hold events (RFC 4791 §6.2.1, §5.2.3); their id is their absolute
 * URL. Rights are as the server tells (RFC 3744 §5.5); one that tells none is tried.
 */
export async function listHome(dav: Dav, homeUrl: URL): Promise<ListedCalendar[]> {
  const { responses, url } = await propfindAt(dav, { url: homeUrl, props: ASKED, depth: '1' });
  return responses.flatMap((response) => {
    const listed = listedCalendar(response, url);
    // A home may list what others share from elsewhere; it could not be asked with this password.
    return listed && mayGetPassword(dav, new URL(listed.id)) ? [listed] : [];
  });
}

function listedCalendar({ href, props = {} }: DAVResponse, base: URL): ListedCalendar | null {
  const path = textOf(href);
  const types = childNames(props['resourcetype']);
  if (path === null || !URL.canParse(path, base.href)) return null;
  if (!types.includes('calendar') && !types.includes('subscribed')) return null;
  const kinds = componentsOf(props['supportedCalendarComponentSet']);
  if (kinds.length > 0 && !kinds.includes('VEVENT')) return null;
  const id = collectionUrl(new URL(path, base)).href;
  return {
    id,
    name: textOf(props['displayname'])?.trim() || lastSegment(id),
    timeZone: zoneOf(props['calendarTimezoneId'], props['calendarTimezone']) ?? 'UTC',
    push: false,
    write: !types.includes('subscribed') && mayWrite(props['currentUserPrivilegeSet']),
    primary: false,
  };
}

const elementsOf = (value: unknown): Property[] =>
  (Array.isArray(value) ? value : [value]).filter(
    (one): one is Property => typeof one === 'object' && one !== null,
  );

const childNames = (value: unknown): string[] =>
  elementsOf(value).flatMap((one) => Object.keys(one));

/** What lets a member be put and changed: `all`, `write`, or its two parts (RFC 3744 §3). */
function mayWrite(set: unknown): boolean {
  const rights = elementsOf(set).flatMap((one) => childNames(one['privilege']));
  if (rights.length === 0) return true;
  return (
    rights.includes('all') ||
    rights.includes('write') ||
    (rights.includes('writeContent') && rights.includes('bind'))
  );
}

const componentsOf = (set: unknown): string[] =>
  elementsOf(set)
    .flatMap((one) => elementsOf(one['comp']))
    .flatMap((comp) => elementsOf(comp['_attributes']))
    .map(({ name }) => String(name).toUpperCase());

/** RFC 7809 §5.2 states an IANA name, RFC 4791 §5.2.2 a whole VTIMEZONE. */
function zoneOf(id: unknown, timezone: unknown): string | null {
  const name = textOf(id)?.trim() ?? '';
  if (name !== '' && zoneIsKnown(name)) return name;
  return zoneOfTimezone(textOf(timezone) ?? '');
}

function lastSegment(id: string): string {
  const segment = new URL(id).pathname.split('/').at(-2) ?? '';
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** What a collection says about itself: when it last changed, as an opaque tag, its zone, its owner. */
export async function readFacts(
  dav: Dav,
  collection: URL,
): Promise<{ ctag: string | null; zone: string | null; owner: URL | null; ageMs: number }> {
  const body =
    '<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:" ' +
    `xmlns:c="${CALDAV}" xmlns:cs="${CALENDAR_SERVER}"><d:prop><cs:getctag/>` +
    '<c:calendar-timezone/><c:calendar-timezone-id/><d:owner/></d:prop></d:propfind>';
  const request = { method: 'PROPFIND', url: collection, depth: '0', body } as const;
  const { text, headers, url } = await askMultistatus(dav, request);
  const props = propsOf(text);
  const valueOf = (name: string, space: string): string =>
    props.map((prop) => childOf(prop, name, space)?.text.trim() ?? '').find((one) => one !== '') ??
    '';
  const ctag = valueOf('getctag', CALENDAR_SERVER);
  const owner = hrefsIn(props, { name: 'owner', space: DAV })[0] ?? '';
  return {
    ctag: ctag === '' ? null : ctag,
    zone: zoneOf(valueOf('calendar-timezone-id', CALDAV), valueOf('calendar-timezone', CALDAV)),
    owner: URL.canParse(owner, url.href) && owner !== '' ? new URL(owner, url) : null,
    ageMs: ageMsOf(headers),
  };
}

/** The properties that an answer about one resource has. */
export const propsOf = (multistatus: string): XmlElement[] =>
  childrenOf(multistatusOf(multistatus), 'response')
    .flatMap((response) => childrenOf(response, 'propstat'))
    .filter((propstat) => (codeOf(childOf(propstat, 'status')?.text ?? '') ?? 200) < 300)
    .flatMap((propstat) => childrenOf(propstat, 'prop'));

/** What a property names by hrefs; none where it is not there. */
export const hrefsIn = (
  props: readonly XmlElement[],
  { name, space }: { name: string; space: string },
): string[] =>
  props
    .flatMap((prop) => childrenOf(prop, name, space))
    .flatMap((property) => childrenOf(property, 'href'))
    .map((href) => href.text.trim());
