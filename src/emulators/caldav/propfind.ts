import { rawBody } from '../exchange.ts';
import type { Mapped } from './addresses.ts';
import { sendMultistatus } from './context.ts';
import type { At, CaldavParts, Context } from './context.ts';
import { badRequest, failed, notFound } from './errors.ts';
import { dav } from './names.ts';
import { allProperties, describe, namesOf } from './properties.ts';
import type { Asked } from './properties.ts';
import { childOf, readXml } from './xml-read.ts';

/** Source: RFC 4918 §9.1. */
export function propfind(context: Context): void {
  const { req, resource } = context;
  const depth = req.get('depth') ?? 'infinity';
  if (depth === 'infinity') {
    throw failed(403, dav('propfind-finite-depth'), 'Depth infinity is not served here.');
  }
  if (depth !== '0' && depth !== '1') throw badRequest('Depth is 0, 1 or infinity.');
  if (resource.kind === 'unmapped') throw notFound();
  if (resource.kind === 'object' && resource.object === undefined) throw notFound();
  const asked = readPropfind(rawBody(req).toString('utf8'));
  const listed = depth === '0' ? [resource] : [resource, ...membersOf(resource, context.parts)];
  const responses = listed.map((each) => {
    if (asked !== 'names') return describe(each, asked, context);
    const names = namesOf(each, context);
    return describe(each, { names, quiet: true, data: false }, context);
  });
  sendMultistatus(context, responses);
}

function readPropfind(body: string): Asked | 'names' {
  if (body.trim() === '') return allProperties;
  const root = readXml(body);
  if (root.name !== dav('propfind')) throw badRequest('The body is no propfind element.');
  if (childOf(root, dav('propname')) !== undefined) return 'names';
  const prop = childOf(root, dav('prop'));
  if (prop !== undefined) return askedFor(prop.children.map(({ name }) => name));
  if (childOf(root, dav('allprop')) === undefined) throw badRequest('Nothing is asked for.');
  const included = childOf(root, dav('include'))?.children.map(({ name }) => name) ?? [];
  return { ...allProperties, names: [...new Set([...allProperties.names, ...included])] };
}

export function askedFor(names: readonly string[], data = false): Asked {
  return { names: [...new Set(names)], quiet: false, data };
}

function membersOf(resource: Mapped, { store }: CaldavParts): Mapped[] {
  if (resource.kind === 'home') {
    const { account } = resource;
    const theirs = [...store.calendars.values()].filter(({ owner }) => owner === account.user);
    const sides = ['inbox', 'outbox', 'notification'] as const;
    return [
      ...theirs.map((calendar): Mapped => ({ kind: 'calendar', account, calendar })),
      ...sides.map((name): Mapped => ({ kind: 'side', account, name })),
    ];
  }
  if (resource.kind !== 'calendar') return [];
  return membersOfCalendar({ resource }, store);
}

function membersOfCalendar(
  { resource }: Pick<At<'calendar'>, 'resource'>,
  store: CaldavParts['store'],
): Mapped[] {
  const { account, calendar } = resource;
  return store
    .live(calendar.id)
    .map((object) => ({ kind: 'object', account, calendar, name: object.name, object }));
}
