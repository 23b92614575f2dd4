import { rawBody } from '../exchange.ts';
import { pathOf } from './addresses.ts';
import type { LiveObject, StoredObject } from './calendar-store.ts';
import { hrefOf } from './context.ts';
import type { At } from './context.ts';
import { CaldavError, needsPrivilege, notFound } from './errors.ts';
import { checkObject } from './object-checks.ts';
import { etagOf, namesVersion } from './versions.ts';

/** Source: RFC 9110 §13.1, RFC 4791 §5.3.4. */
export function getObject({ req, res, parts, resource }: At<'object'>): void {
  const object = present(resource.object);
  res.set('ETag', etagOf(object, parts.switches));
  res.set('Last-Modified', new Date(object.changedAtMs).toUTCString());
  const known = req.get('if-none-match');
  if (known !== undefined && namesVersion(known, object)) {
    res.removeHeader('Content-Type');
    return void res.status(304).end();
  }
  res.set('Content-Type', 'text/calendar; charset=utf-8').status(200).send(Buffer.from(object.ics));
}

/** Source: RFC 4791 §5.3.2. */
export function putObject(context: At<'object'>): void {
  const { req, res, parts, resource } = context;
  const { store, switches } = parts;
  const { calendar, object, name } = resource;
  checkMayWrite(context);
  checkConditions(context);
  const body = rawBody(req);
  const checked = checkObject(context, body);
  const ics = switches.rewritesBodies ? rewritten(checked.ics) : checked.ics;
  const written = store.write(calendar.id, { name, uid: checked.uid, ics });
  const etag = answeredEtag(written, context);
  if (etag !== undefined) res.set('ETag', etag);
  parts.host.effect('caldav', object === undefined ? 'object-created' : 'object-updated', {
    calendarId: calendar.id,
    href: pathOf(resource, switches),
    etag: etagOf(written, switches),
  });
  res.removeHeader('Content-Type');
  res.status(object === undefined ? 201 : 204).end();
}

/** Source: RFC 4918 §9.6. */
export function deleteObject(context: At<'object'>): void {
  const { res, parts, resource } = context;
  const { calendar } = resource;
  checkMayWrite(context);
  checkConditions(context);
  const { name, uid } = present(resource.object);
  parts.store.write(calendar.id, { name, uid, ics: null });
  const href = pathOf(resource, parts.switches);
  parts.host.effect('caldav', 'object-deleted', { calendarId: calendar.id, href });
  res.removeHeader('Content-Type');
  res.status(Number(parts.switches.deleteStatus)).end();
}

function present(object: LiveObject | undefined): LiveObject {
  if (object === undefined) throw notFound();
  return object;
}

function checkMayWrite(context: At<'object'>): void {
  const { account, calendar } = context.resource;
  if (!calendar.readOnly) return;
  throw needsPrivilege(hrefOf(context, { kind: 'calendar', account, calendar }), 'write-content');
}

function checkConditions({ req, resource: { object } }: At<'object'>): void {
  const ifMatch = req.get('if-match');
  const ifNoneMatch = req.get('if-none-match');
  const met =
    (ifMatch === undefined || (object !== undefined && namesVersion(ifMatch, object))) &&
    (ifNoneMatch === undefined || object === undefined || !namesVersion(ifNoneMatch, object));
  if (!met) throw new CaldavError(412, 'A precondition of the request is not met.');
}

/** A server that changed what it stores must not answer as if it had not. Source: RFC 4791 §5.3.4. */
function answeredEtag(written: StoredObject, { parts }: At<'object'>): string | undefined {
  const { putEtag, rewritesBodies } = parts.switches;
  if (putEtag === 'absent' || rewritesBodies) return undefined;
  if (putEtag === 'given') return etagOf(written, parts.switches);
  return etagOf({ ...written, seq: written.previousSeq }, parts.switches);
}

/** A second DTSTAMP in each event is what iCloud has been seen to store. */
function rewritten(ics: string): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return ics
    .replaceAll(/\r?\n/g, '\r\n')
    .replaceAll('BEGIN:VEVENT\r\n', `BEGIN:VEVENT\r\nDTSTAMP:${stamp}\r\nX-STORED:${stamp}\r\n`);
}
