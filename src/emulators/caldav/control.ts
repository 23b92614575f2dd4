import express from 'express';
import type { ErrorRequestHandler, Request, Router } from 'express';
import { isZone } from '../zones.ts';
import { dsidOf } from './accounts.ts';
import type { Account } from './accounts.ts';
import { pathOf } from './addresses.ts';
import type { Calendar, StoredObject } from './calendar-store.ts';
import { endTokens, newCalendar } from './calendars.ts';
import type { CaldavParts } from './context.ts';
import { CaldavError, badRequest } from './errors.ts';
import { mainComponents, propertyOf, readIcal } from './ical.ts';
import { etagOf } from './versions.ts';

/**
 * CalDAV as a person uses it, mounted at `/control/caldav`. An edit's answer has `href`, `etag` and
 * `changedAt`. Nothing is checked here: a server may hold what it would not take today.
 * `GET origins` · `PUT accounts/:user` (`password`, `displayName`; a password is made when none is
 * given), `POST accounts/:user/revoke` (`password`, or all) · `GET calendars`, `PUT calendars/:id`
 * (`owner`, `displayName`, `readOnly`, `timezone`, `components`), `DELETE calendars/:id` ·
 * `GET calendars/:id/objects`, `PUT|DELETE calendars/:id/objects/:name` (a name or an encoded href;
 * the body is text/calendar or `{ ics }`), `POST calendars/:id/bulk` (`{ objects: [{ name, ics }] }`) ·
 * `POST calendars/:id/{expire,age}-sync-tokens`.
 */
export function createCaldavControl(parts: CaldavParts): Router {
  const router = express.Router();
  router.use(express.text({ type: ['text/*', 'application/octet-stream'], limit: '64mb' }));
  router.get('/origins', (_req, res) => {
    res.json({ partition: parts.partitionOrigin() });
  });
  accountRoutes(router, parts);
  calendarRoutes(router, parts);
  objectRoutes(router, parts);
  router.use(answerComplaint);
  return router;
}

// oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
const answerComplaint: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof CaldavError)) return next(error);
  return void res.status(error.status).json({ error: error.message });
};

function accountRoutes(router: Router, { accounts, switches }: CaldavParts): void {
  router.put('/accounts/:user', (req, res) => {
    const { user } = req.params;
    const { password, displayName } = bodyOf(req);
    const known = accounts.people.get(user);
    const added = typeof password === 'string' ? password : accounts.newPassword();
    const account: Account = {
      user,
      dsid: known?.dsid ?? dsidOf(user),
      displayName: textOr(displayName, known?.displayName ?? user),
      passwords: [...new Set([...(known?.passwords ?? []), added])],
    };
    accounts.people.set(user, account);
    const principal = pathOf({ kind: 'principal', account }, switches);
    const home = pathOf({ kind: 'home', account }, switches);
    res.json({ user, password: added, principal, home });
  });
  router.post('/accounts/:user/revoke', (req, res) => {
    const { user } = req.params;
    const account = accounts.people.get(user);
    if (account === undefined) throw unknown('account', 'accounts/{user}');
    const { password } = bodyOf(req);
    const passwords = account.passwords.filter(
      (each) => password !== undefined && each !== password,
    );
    accounts.people.set(user, { ...account, passwords });
    res.json({ user, revoked: account.passwords.length - passwords.length });
  });
}

function calendarRoutes(router: Router, parts: CaldavParts): void {
  const { store } = parts;
  router.get('/calendars', (_req, res) => {
    res.json({ calendars: [...store.calendars.values()].map((each) => shown(parts, each)) });
  });
  router.put('/calendars/:id', (req, res) => {
    const calendar = savedCalendar(parts, req.params.id, bodyOf(req));
    store.calendars.set(calendar.id, calendar);
    res.json(shown(parts, calendar));
  });
  router.delete('/calendars/:id', (req, res) => {
    const { id } = calendarOf(parts, req);
    store.removeCalendar(id);
    res.json({ removed: id });
  });
  for (const [verb, how] of [
    ['expire', 'refused'],
    ['age', 'aged'],
  ] as const) {
    router.post(`/calendars/:id/${verb}-sync-tokens`, (req, res) => {
      const calendar = calendarOf(parts, req);
      store.calendars.set(calendar.id, endTokens(calendar, how));
      res.json({ calendarId: calendar.id, at: new Date().toISOString() });
    });
  }
}

function objectRoutes(router: Router, parts: CaldavParts): void {
  const { store } = parts;
  router.get('/calendars/:id/objects', (req, res) => {
    const { id } = calendarOf(parts, req);
    const objects = store.live(id).map((object) => ({ ...edited(parts, object), ...body(object) }));
    res.json({ objects });
  });
  router.put('/calendars/:id/objects/:name', (req, res) => {
    const given: unknown = typeof req.body === 'string' ? req.body : bodyOf(req)['ics'];
    if (typeof given !== 'string') throw badRequest('Give text/calendar, or { "ics": "…" }.');
    res.json(write(parts, calendarOf(parts, req), { name: req.params.name, ics: given }));
  });
  router.delete('/calendars/:id/objects/:name', (req, res) => {
    const { id } = calendarOf(parts, req);
    const object = store.find(id, lastSegment(req.params.name));
    if (object === undefined) throw unknown('object', 'calendars/{id}/objects/{name}');
    const { name, uid } = object;
    res.json(edited(parts, store.write(id, { name, uid, ics: null })));
  });
  router.post('/calendars/:id/bulk', (req, res) => {
    const { objects } = bodyOf(req);
    const calendar = calendarOf(parts, req);
    if (!Array.isArray(objects) || !objects.every(isNamed)) {
      throw badRequest('Give { "objects": [{ "name": "…", "ics": "…" }] }.');
    }
    for (const object of objects) write(parts, calendar, object);
    res.json({ written: objects.length, changedAt: new Date().toISOString() });
  });
}

type Named = { name: string; ics: string };

function isNamed(value: unknown): value is Named {
  const { name, ics } = (value ?? {}) as Record<string, unknown>;
  return typeof name === 'string' && typeof ics === 'string';
}

function write(parts: CaldavParts, { id }: Calendar, { name: given, ics }: Named) {
  const name = lastSegment(given);
  const read = readIcal(ics);
  const first = read === undefined ? undefined : mainComponents(read)[0];
  const uid = first === undefined ? undefined : propertyOf(first, 'UID')?.value;
  return edited(parts, parts.store.write(id, { name, uid: uid ?? name, ics }));
}

function lastSegment(nameOrHref: string): string {
  if (!nameOrHref.includes('/')) return nameOrHref;
  return decodeURIComponent(nameOrHref.split('/').findLast((segment) => segment !== '') ?? '');
}

function edited(parts: CaldavParts, object: StoredObject) {
  const { accounts, store, switches } = parts;
  const { calendarId, name, changedAtMs } = object;
  const calendar = store.calendars.get(calendarId)!;
  const account = accounts.people.get(calendar.owner)!;
  const href = pathOf({ kind: 'object', account, calendar, name }, switches);
  return {
    name,
    href,
    etag: etagOf(object, switches),
    changedAt: new Date(changedAtMs).toISOString(),
  };
}

function body({ uid, ics }: StoredObject) {
  return { uid, ics };
}

function shown({ accounts, switches }: CaldavParts, calendar: Calendar) {
  const account = accounts.people.get(calendar.owner)!;
  return { ...calendar, href: pathOf({ kind: 'calendar', account, calendar }, switches) };
}

function bodyOf(req: Request): Record<string, unknown> {
  return (typeof req.body === 'object' && req.body !== null ? req.body : {}) as Record<
    string,
    unknown
  >;
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function unknown(what: string, where: string): CaldavError {
  return new CaldavError(404, `No such ${what}; PUT /control/caldav/${where} makes one.`);
}

function calendarOf({ store }: CaldavParts, req: Request): Calendar {
  const calendar = store.calendars.get(String(req.params['id']));
  if (calendar === undefined) throw unknown('calendar', 'calendars/{id}');
  return calendar;
}

function savedCalendar(parts: CaldavParts, id: string, wanted: Record<string, unknown>): Calendar {
  const { store, accounts } = parts;
  const known = store.calendars.get(id);
  const owner = textOr(wanted['owner'], known?.owner ?? '');
  const timezone = wanted['timezone'] ?? known?.timezone;
  const components = wanted['components'] ?? known?.components ?? ['VEVENT'];
  if (!accounts.people.has(owner)) {
    throw badRequest('The owner is no account; PUT /control/caldav/accounts/{user} first.');
  }
  if (timezone !== undefined && !(typeof timezone === 'string' && isZone(timezone))) {
    throw badRequest('timezone is no IANA time zone.');
  }
  if (!Array.isArray(components)) throw badRequest('components is a list, such as ["VEVENT"].');
  return {
    ...(known ?? newCalendar(store, { id, owner })),
    owner,
    displayName: textOr(wanted['displayName'], known?.displayName ?? id),
    readOnly: Boolean(wanted['readOnly'] ?? known?.readOnly ?? false),
    timezone,
    components: components.map(String),
  };
}
