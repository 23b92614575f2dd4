import { rawBody } from '../exchange.ts';
import type { Calendar } from './calendar-store.ts';
import { newCalendar } from './calendars.ts';
import { hrefOf, sendMultistatus } from './context.ts';
import type { At, Context } from './context.ts';
import { badRequest, failed, needsPrivilege } from './errors.ts';
import { propertyResponse, propstat } from './multistatus.ts';
import { cal, dav } from './names.ts';
import { settable } from './properties.ts';
import { childOf, readXml } from './xml-read.ts';
import type { XmlElement } from './xml-read.ts';
import { node } from './xml-write.ts';

/** All or nothing. Source: RFC 4918 §9.2. */
export function proppatch(context: Context): void {
  const { req, parts, resource } = context;
  const root = readXml(rawBody(req).toString('utf8'));
  if (root.name !== dav('propertyupdate')) throw badRequest('The body is no propertyupdate.');
  const wanted = root.children.flatMap((each) => childOf(each, dav('prop'))?.children ?? []);
  const removed = root.children.some(({ name }) => name === dav('remove'));
  const isCalendar = resource.kind === 'calendar';
  if (isCalendar && resource.calendar.readOnly) {
    throw needsPrivilege(hrefOf(context, resource), 'write-properties');
  }
  const known: string[] = Object.values(settable);
  const refused = wanted.filter(({ name }) => !isCalendar || removed || !known.includes(name));
  const named = (some: XmlElement[]) => some.map(({ name }) => node(name));
  const href = hrefOf(context, resource);
  if (refused.length > 0) {
    const others = wanted.filter((each) => !refused.includes(each));
    const protectedProperty = node(dav('cannot-modify-protected-property'));
    const failures = [propstat(403, named(refused), protectedProperty)];
    if (others.length > 0) failures.push(propstat(424, named(others)));
    return sendMultistatus(context, [propertyResponse(href, failures)]);
  }
  if (isCalendar) {
    const calendar = withProperties(resource.calendar, wanted);
    parts.store.calendars.set(calendar.id, calendar);
  }
  return sendMultistatus(context, [propertyResponse(href, [propstat(200, named(wanted))])]);
}

function withProperties(calendar: Calendar, wanted: XmlElement[]): Calendar {
  const textOf = (name: string) => wanted.findLast((each) => each.name === name)?.text;
  return {
    ...calendar,
    displayName: textOf(settable.displayName) ?? calendar.displayName,
    color: textOf(settable.color) ?? calendar.color,
    order: Number(textOf(settable.order) ?? calendar.order),
  };
}

/** Source: RFC 4791 §5.3.1. */
export function mkcalendar(context: Context): void {
  const { req, res, parts, resource } = context;
  if (resource.kind === 'calendar') {
    throw failed(403, dav('resource-must-be-null'), 'A calendar is there already.');
  }
  if (resource.kind !== 'unmapped' || parts.store.calendars.has(resource.id)) {
    const message = 'Calendars are made directly in the home of their owner.';
    throw failed(403, cal('calendar-collection-location-ok'), message);
  }
  const body = rawBody(req).toString('utf8');
  const wanted = body.trim() === '' ? [] : readMkcalendar(readXml(body));
  const components = wanted
    .find(({ name }) => name === cal('supported-calendar-component-set'))
    ?.children.map(({ attributes }) => attributes['name'] ?? '');
  const made = newCalendar(parts.store, {
    id: resource.id,
    owner: resource.account.user,
    ...(components === undefined ? {} : { components }),
  });
  parts.store.calendars.set(made.id, withProperties(made, wanted));
  res.removeHeader('Content-Type');
  res.status(201).end();
}

function readMkcalendar(root: XmlElement): XmlElement[] {
  if (root.name !== cal('mkcalendar')) throw badRequest('The body is no mkcalendar.');
  return root.children.flatMap((each) => childOf(each, dav('prop'))?.children ?? []);
}

export function deleteCalendar({ res, parts, resource }: At<'calendar'>): void {
  parts.store.removeCalendar(resource.calendar.id);
  res.removeHeader('Content-Type');
  res.status(204).end();
}
