import { onTestFinished } from 'vitest';
import { readXml } from '../../src/emulators/caldav/xml-read.ts';
import type { XmlElement } from '../../src/emulators/caldav/xml-read.ts';
import { startEmulators } from '../../src/emulators/server.ts';
import { callJson } from './google-world.ts';
import type { Call } from './google-world.ts';

export interface DavReply {
  status: number;
  headers: Headers;
  text: string;
  /** Responses of a multistatus by decoded href: its status, or the properties found. */
  members: Map<string, DavMember>;
  token: string | undefined;
}

export interface DavMember {
  href: string;
  status: number;
  properties: Record<string, XmlElement>;
  missing: string[];
}

export interface CaldavWorld {
  url: string;
  partitionUrl: string;
  home: string;
  principal: string;
  /** Path of the one calendar. */
  room: string;
  password: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- Answers of a foreign protocol, read by hand.
  control(path: string, call?: Call): Promise<Record<string, any>>;
  switches(wanted: Record<string, unknown>): Promise<void>;
  dav(method: string, path: string, call?: DavCall): Promise<DavReply>;
  sync(token?: string, more?: string): Promise<DavReply>;
  put(name: string, ics: string, headers?: Record<string, string>): Promise<DavReply>;
  close(): Promise<void>;
}

type DavCall = { body?: string; headers?: Record<string, string> };

export const user = 'host@example.com';
const namespaces =
  'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/"';

export function authorization(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** A running emulator with one account and one calendar in Paris. */
export async function caldavWorld(stateDir?: string): Promise<CaldavWorld> {
  const emulators = await startEmulators({ stateDir });
  onTestFinished(() => emulators.close());
  const { url, partitionUrl } = emulators;
  const control = async (path: string, call?: Call) =>
    (await callJson(`${url}/control${path}`, call)).body;
  const account = await control(`/caldav/accounts/${user}`, { method: 'PUT', body: {} });
  const calendar = await control('/caldav/calendars/room', {
    method: 'PUT',
    body: { owner: user, displayName: 'Room & co', timezone: 'Europe/Paris' },
  });
  const { principal, home, password } = account as Record<string, string>;
  const room = calendar['href'] as string;
  const dav: CaldavWorld['dav'] = async (method, path, { body, headers } = {}) => {
    const response = await fetch(path.startsWith('http') ? path : `${url}${path}`, {
      method,
      redirect: 'manual',
      headers: { authorization: authorization(user, password!), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return readReply(response);
  };
  return {
    url,
    partitionUrl,
    home: home!,
    principal: principal!,
    room,
    password: password!,
    control,
    switches: async (body) => void (await control('/switches', { method: 'PUT', body })),
    dav,
    sync: (token = '', more = '') => dav('REPORT', room, { body: syncBody(token, more) }),
    put: (name, ics, headers = {}) =>
      dav('PUT', `${room}${name}`, {
        body: ics,
        headers: { 'content-type': 'text/calendar', ...headers },
      }),
    close: () => emulators.close(),
  };
}

function syncBody(token: string, more: string): string {
  return `<d:sync-collection ${namespaces}><d:sync-token>${token}</d:sync-token>
    <d:sync-level>1</d:sync-level>${more}<d:prop><d:getetag/></d:prop></d:sync-collection>`;
}

export function propfind(...properties: string[]): string {
  const asked = properties.map((name) => `<${name}/>`).join('');
  return `<d:propfind ${namespaces}><d:prop>${asked}</d:prop></d:propfind>`;
}

export function multiget(hrefs: readonly string[]): string {
  const asked = hrefs.map((href) => `<d:href>${href}</d:href>`).join('');
  return `<c:calendar-multiget ${namespaces}><d:prop><d:getetag/><c:calendar-data/></d:prop>${asked}</c:calendar-multiget>`;
}

export function query(filter: string): string {
  return `<c:calendar-query ${namespaces}><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">${filter}</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>`;
}

export function davBody(root: string, inside: string): string {
  return `<${root} ${namespaces}>${inside}</${root}>`;
}

async function readReply(response: Response): Promise<DavReply> {
  const text = await response.text();
  const members = new Map<string, DavMember>();
  let token: string | undefined;
  if (response.status === 207 && !text.includes('<!DOCTYPE')) {
    const root = readXml(text);
    token = root.children.find(({ name }) => name === '{DAV:}sync-token')?.text;
    for (const each of root.children) {
      if (each.name !== '{DAV:}response') continue;
      const member = readMember(each);
      members.set(decodeURIComponent(member.href), member);
    }
  }
  return { status: response.status, headers: response.headers, text, members, token };
}

function readMember(response: XmlElement): DavMember {
  const one = (element: XmlElement, name: string) =>
    element.children.find((child) => child.name === `{DAV:}${name}`);
  const statusOf = (element: XmlElement) => Number(one(element, 'status')?.text.split(' ')[1] ?? 0);
  const member: DavMember = {
    href: one(response, 'href')!.text,
    status: statusOf(response),
    properties: {},
    missing: [],
  };
  for (const propstat of response.children.filter(({ name }) => name === '{DAV:}propstat')) {
    for (const property of one(propstat, 'prop')!.children) {
      const local = property.name.replace(/^.*\}/, '');
      if (statusOf(propstat) === 200) member.properties[local] = property;
      else member.missing.push(local);
    }
  }
  return member;
}

/** An event of one hour in UTC, with more lines if wanted. */
export function ics(uid: string, start = '20261201T100000Z', more: string[] = []): string {
  const end = start.replace(
    /T(\d\d)/,
    (_, hour: string) => `T${String(+hour + 1).padStart(2, '0')}`,
  );
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Test//EN', 'BEGIN:VEVENT'];
  lines.push(`UID:${uid}`, 'DTSTAMP:20261101T000000Z', `DTSTART:${start}`, `DTEND:${end}`);
  return `${[...lines, ...more, 'END:VEVENT', 'END:VCALENDAR'].join('\r\n')}\r\n`;
}
