import { hrefOf } from './context.ts';
import type { At } from './context.ts';
import { CaldavError, failed } from './errors.ts';
import { mainComponents, propertyOf, readIcal } from './ical.ts';
import type { IcalComponent } from './ical.ts';
import { cal, dav } from './names.ts';
import { node } from './xml-write.ts';

/** The text and UID of a body that may be stored, or a refusal. Source: RFC 4791 §5.3.2.1, §4.1. */
export function checkObject(context: At<'object'>, body: Buffer): { ics: string; uid: string } {
  const { parts, resource, req } = context;
  const { maxResourceBytes, namesMustMatchUid } = parts.switches;
  const type = req.get('content-type');
  if (type !== undefined && !/^text\/calendar\b/i.test(type)) {
    throw failed(403, cal('supported-calendar-data'), 'The body must be text/calendar.');
  }
  if (body.length > maxResourceBytes) {
    throw failed(403, cal('max-resource-size'), `At most ${maxResourceBytes} bytes are taken.`);
  }
  const ics = body.toString('utf8');
  const calendar = readIcal(ics);
  if (calendar === undefined || propertyOf(calendar, 'VERSION')?.value !== '2.0') {
    throw failed(403, cal('valid-calendar-data'), 'The body is no iCalendar 2.0 object.');
  }
  const components = mainComponents(calendar);
  const uid = soleUid(calendar, components);
  const { name } = components[0]!;
  if (!resource.calendar.components.includes(name)) {
    throw failed(403, cal('supported-calendar-component'), `This calendar takes no ${name}.`);
  }
  const timeless = components.some((each) => propertyOf(each, 'DTSTART') === undefined);
  if (name === 'VEVENT' && timeless) {
    throw failed(403, cal('valid-calendar-data'), 'An event has no DTSTART.');
  }
  if (namesMustMatchUid && resource.name !== `${uid}.ics`) {
    throw new CaldavError(403, 'The resource must be called <UID>.ics.');
  }
  checkUid(context, uid);
  return { ics, uid };
}

function soleUid(calendar: IcalComponent, components: IcalComponent[]): string {
  const uids = new Set(components.map((each) => propertyOf(each, 'UID')?.value ?? ''));
  const names = new Set(components.map(({ name }) => name));
  const masters = components.filter((each) => propertyOf(each, 'RECURRENCE-ID') === undefined);
  const [uid = ''] = uids;
  const lawful = uids.size === 1 && uid !== '' && names.size === 1 && masters.length <= 1;
  if (lawful && propertyOf(calendar, 'METHOD') === undefined) return uid;
  const message = 'A resource holds one kind of component with one UID, and no METHOD.';
  throw failed(403, cal('valid-calendar-object-resource'), message);
}

function checkUid(context: At<'object'>, uid: string): void {
  const { parts, resource } = context;
  const { names } = parts.store.view(resource.calendar.id);
  const holder = names.get(uid);
  const changed = resource.object !== undefined && resource.object.uid !== uid;
  if (!changed && (holder === undefined || holder === resource.name)) return;
  const { account, calendar } = resource;
  const name = holder ?? resource.name;
  const href = hrefOf(context, { kind: 'object', account, calendar, name });
  const status = Number(parts.switches.uidConflictStatus);
  const precondition = node(cal('no-uid-conflict'), [node(dav('href'), [href])]);
  throw new CaldavError(status, 'The UID belongs to another resource.', precondition);
}
