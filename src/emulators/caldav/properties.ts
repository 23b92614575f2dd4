import type { Mapped, Resource } from './addresses.ts';
import { hrefOf } from './context.ts';
import type { Context } from './context.ts';
import { propertyResponse, propstat } from './multistatus.ts';
import { apple, cal, cs, dav } from './names.ts';
import { calendarProperties } from './calendar-properties.ts';
import { etagOf } from './versions.ts';
import { node } from './xml-write.ts';
import type { XmlChild, XmlNode } from './xml-write.ts';

export type Call = Pick<Context, 'req' | 'parts' | 'caller'>;
export type Value = readonly XmlChild[] | undefined;
export type Reader<R extends Resource = Mapped> = (resource: R, call: Call) => Value;

/** Undefined: the resource has no such property. */
function valueOf(name: string, resource: Mapped, call: Call): Value {
  const shared = Object.hasOwn(everywhere, name) ? everywhere[name]!(resource, call) : undefined;
  if (shared !== undefined) return shared;
  switch (resource.kind) {
    case 'principal':
      return Object.hasOwn(ofPrincipal, name) ? ofPrincipal[name]!(resource, call) : undefined;
    case 'calendar':
      return Object.hasOwn(calendarProperties, name)
        ? calendarProperties[name]!(resource, call)
        : undefined;
    case 'object':
      return Object.hasOwn(ofObject, name) ? ofObject[name]!(resource, call) : undefined;
    default:
      return undefined;
  }
}

const href = (call: Call, resource: Mapped) => node(dav('href'), [hrefOf(call, resource)]);

const everywhere: Record<string, Reader> = {
  [dav('resourcetype')]: (resource) => resourceTypes(resource).map((name) => node(name)),
  [dav('current-user-principal')]: (_resource, call) => {
    const { hostile, hostileAddress } = call.parts.switches;
    if (hostile === 'principal') return [node(dav('href'), [hostileAddress])];
    return [href(call, { kind: 'principal', account: call.caller })];
  },
  [dav('principal-collection-set')]: (_resource, call) => [href(call, { kind: 'root' })],
  [dav('owner')]: (resource, call) =>
    resource.kind === 'root' ? undefined : [href(call, { ...resource, kind: 'principal' })],
  [dav('current-user-privilege-set')]: (resource) =>
    privileges(resource).map((name) => node(dav('privilege'), [node(name)])),
};

function resourceTypes(resource: Mapped): string[] {
  const kinds: Record<Mapped['kind'], string[]> = {
    root: [dav('collection')],
    principal: [dav('collection'), dav('principal')],
    home: [dav('collection')],
    side: [dav('collection')],
    calendar: [dav('collection'), cal('calendar')],
    object: [],
  };
  const side = {
    inbox: cal('schedule-inbox'),
    outbox: cal('schedule-outbox'),
    notification: cs('notification'),
  };
  return resource.kind === 'side' ? [...kinds.side, side[resource.name]] : kinds[resource.kind];
}

/** Source: RFC 3744 §3, RFC 4791 §6.1. */
function privileges(resource: Mapped): string[] {
  const reading = [dav('read'), dav('read-acl'), dav('read-current-user-privilege-set')];
  const writing = ['write', 'write-properties', 'write-content', 'bind', 'unbind', 'unlock'];
  const calendar = resource.kind === 'calendar' || resource.kind === 'object';
  if (calendar) reading.push(cal('read-free-busy'));
  const closed = calendar ? resource.calendar.readOnly : resource.kind !== 'home';
  return closed ? reading : [...reading, ...writing.map(dav)];
}

const ofPrincipal: Record<string, Reader<Extract<Mapped, { kind: 'principal' }>>> = {
  [dav('displayname')]: ({ account }) => [account.displayName],
  [dav('principal-URL')]: (resource, call) => [href(call, resource)],
  [cal('calendar-home-set')]: ({ account }, call) => {
    const { partition, partitionOrigin, hostile, hostileAddress } = call.parts.switches;
    if (hostile === 'homeSet') return [node(dav('href'), [hostileAddress])];
    const home = hrefOf(call, { kind: 'home', account });
    if (partition === 'same') return [node(dav('href'), [home])];
    const origin = partitionOrigin === '' ? call.parts.partitionOrigin() : partitionOrigin;
    return [node(dav('href'), [origin + home.replace(/^https?:\/\/[^/]+/, '')])];
  },
  [cal('calendar-user-address-set')]: ({ account }) => [
    node(dav('href'), [`mailto:${account.user}`]),
  ],
  [cal('schedule-inbox-URL')]: ({ account }, call) => [
    href(call, { kind: 'side', account, name: 'inbox' }),
  ],
  [cal('schedule-outbox-URL')]: ({ account }, call) => [
    href(call, { kind: 'side', account, name: 'outbox' }),
  ],
};

const ofObject: Record<string, Reader<Extract<Mapped, { kind: 'object' }>>> = {
  [dav('getetag')]: ({ object }, { parts }) => object && [etagOf(object, parts.switches)],
  [dav('getcontenttype')]: () => ['text/calendar; charset=utf-8'],
  [dav('getcontentlength')]: ({ object }) => object && [String(Buffer.byteLength(object.ics))],
  [dav('getlastmodified')]: ({ object }) => object && [new Date(object.changedAtMs).toUTCString()],
};

/** What `allprop` gives. Source: RFC 4918 §9.1, §15. */
const usual = [
  'resourcetype',
  'displayname',
  'getetag',
  'getcontenttype',
  'getcontentlength',
  'getlastmodified',
].map(dav);

export function namesOf(resource: Mapped, call: Call): string[] {
  const all = [everywhere, ofPrincipal, calendarProperties, ofObject].flatMap(Object.keys);
  return [...new Set(all)].filter((name) => valueOf(name, resource, call) !== undefined);
}

export type Asked = { names: readonly string[]; quiet: boolean; data: boolean };

export const allProperties: Asked = { names: usual, quiet: true, data: false };

/** The response for one resource: what it has, and a 404 for what it has not. */
export function describe(resource: Mapped, asked: Asked, call: Call): XmlNode {
  const found: XmlNode[] = [];
  const missing: XmlNode[] = [];
  for (const name of asked.names) {
    const data = asked.data && name === cal('calendar-data') && resource.kind === 'object';
    const value = data ? dataOf(resource.object?.ics, call) : valueOf(name, resource, call);
    if (value === undefined) missing.push(node(name));
    else found.push(node(name, value));
  }
  const propstats = found.length > 0 ? [propstat(200, found)] : [];
  if (missing.length > 0 && !asked.quiet) propstats.push(propstat(404, missing));
  else if (call.parts.switches.emptyPropstats) propstats.push(propstat(404, []));
  if (propstats.length === 0) propstats.push(propstat(200, []));
  return propertyResponse(hrefOf(call, resource), propstats);
}

function dataOf(ics: string | undefined, { parts }: Call): Value {
  if (ics === undefined) return undefined;
  return [parts.switches.calendarData === 'cdata' ? { cdata: ics } : ics];
}

export const settable = {
  displayName: dav('displayname'),
  color: apple('calendar-color'),
  order: apple('calendar-order'),
} as const;
