import type { Account, Accounts } from './accounts.ts';
import type { Calendar, CalendarStore, LiveObject } from './calendar-store.ts';
import { notFound } from './errors.ts';
import type { CaldavSwitches } from './switches.ts';

const side = ['inbox', 'outbox', 'notification'] as const;

/** What an address names. `object` is undefined where nothing is yet. */
export type Resource =
  | { kind: 'root' }
  | { kind: 'principal'; account: Account }
  | { kind: 'home'; account: Account }
  | { kind: 'side'; account: Account; name: (typeof side)[number] }
  | { kind: 'calendar'; account: Account; calendar: Calendar }
  | { kind: 'unmapped'; account: Account; id: string }
  | { kind: 'object'; account: Account; calendar: Calendar; name: string; object?: LiveObject };

export type Mapped = Exclude<Resource, { kind: 'unmapped' }>;

export interface Known {
  accounts: Accounts;
  store: CalendarStore;
  switches: CaldavSwitches;
}

/**
 * `/dav/`, `/dav/<dsid>/principal/`, `/dav/<dsid>/calendars/`, `…/<calendar>/`, `…/<calendar>/<name>`;
 * a slash missing at the end of a collection is forgiven. The path is as it was sent, encoded.
 */
export function resolveAddress(path: string, known: Known): Resource {
  const [top, dsid, part, id, name, ...more] = segmentsOf(path);
  if (top !== 'dav' || more.length > 0) throw notFound();
  if (dsid === undefined) return { kind: 'root' };
  const account = known.accounts.byDsid(dsid);
  if (account === undefined) throw notFound();
  if (part === 'principal' && id === undefined) return { kind: 'principal', account };
  if (part !== 'calendars') throw notFound();
  if (id === undefined) return { kind: 'home', account };
  const sideName = side.find((each) => each === id);
  if (sideName !== undefined && name === undefined)
    return { kind: 'side', account, name: sideName };
  const calendar = known.store.calendars.get(id);
  if (calendar?.owner !== account.user) {
    if (name !== undefined) throw notFound();
    return { kind: 'unmapped', account, id };
  }
  if (name === undefined) return { kind: 'calendar', account, calendar };
  return { kind: 'object', account, calendar, ...findObject(known, calendar, name) };
}

/** An `href` as a client sends it: a path, or a whole address whose origin does not matter here. */
export function resolveHref(href: string, base: string, known: Known): Resource {
  const url = URL.parse(href.trim(), base);
  if (url === null) throw notFound();
  return resolveAddress(url.pathname, known);
}

function findObject({ store, switches }: Known, calendar: Calendar, name: string) {
  const found = store.find(calendar.id, name);
  const full = `${name}.ics`;
  const bare = switches.bareMembers ? store.find(calendar.id, full) : undefined;
  if (found !== undefined) return { name, object: found };
  return bare === undefined ? { name } : { name: full, object: bare };
}

function segmentsOf(path: string): string[] {
  const raw = path.replace(/^\//, '').replace(/\/$/, '').split('/');
  try {
    return raw.map(decodeURIComponent);
  } catch {
    throw notFound();
  }
}

/** The path of a resource in the server's present spelling. */
export function pathOf(resource: Resource, switches: CaldavSwitches): string {
  return (
    spell(pathSegments(resource, switches), switches) + (resource.kind === 'object' ? '' : '/')
  );
}

function pathSegments(resource: Resource, switches: CaldavSwitches): string[] {
  if (resource.kind === 'root') return ['dav'];
  const own = ['dav', resource.account.dsid];
  if (resource.kind === 'principal') return [...own, 'principal'];
  const home = [...own, 'calendars'];
  switch (resource.kind) {
    case 'home':
      return home;
    case 'side':
      return [...home, resource.name];
    case 'unmapped':
      return [...home, resource.id];
    case 'calendar':
      return [...home, resource.calendar.id];
    case 'object':
      return [...home, resource.calendar.id, shownName(resource.name, switches)];
  }
}

function shownName(name: string, { bareMembers }: CaldavSwitches): string {
  return bareMembers ? name.replace(/\.ics$/, '') : name;
}

function spell(segments: string[], { hrefEncoding }: CaldavSwitches): string {
  return segments.map((segment) => `/${spellSegment(segment, hrefEncoding)}`).join('');
}

/** All spellings mean the same. Source: RFC 3986 §3.3, §6.2.2. */
function spellSegment(segment: string, encoding: string): string {
  if (encoding === 'usual') return encodeURIComponent(segment);
  if (encoding === 'minimal') {
    return encodeURIComponent(segment).replaceAll(
      /%(?:40|3A|2B|2C|24|26|3D|3B)/g,
      decodeURIComponent,
    );
  }
  const bytes = [...Buffer.from(segment)];
  return bytes
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[A-Za-z0-9]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
