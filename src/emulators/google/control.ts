import express from 'express';
import type { ErrorRequestHandler, Request, Router } from 'express';
import { calendarScope } from './accounts.ts';
import { controlledChannels } from './control-channels.ts';
import { accessRoles } from './calendar-store.ts';
import type { Calendar } from './calendar-store.ts';
import { GoogleError, badRequest, notFound } from './errors.ts';
import { insertEvent, insertEvents, patchEvent, removeEvent } from './event-writes.ts';
import type { Writing } from './event-writes.ts';
import { readEventBody } from './event-input.ts';
import type { EventBody } from './event.ts';
import type { GoogleParts } from './google.ts';
import { isZone } from '../zones.ts';

/**
 * Google as a person uses it, mounted at `/control/google`. An edit's answer says when it happened
 * (`changedAt`) and from when lists show it (`visibleAt`).
 * `PUT accounts/:email`, `POST accounts/:email/{revoke,expire-access-tokens}` · `GET calendars`,
 * `PUT|DELETE calendars/:id`, `POST calendars/:id/{bulk,expire-sync-tokens}`, `GET calendars/:id/events` ·
 * `POST calendars/:id/events`, `PATCH|DELETE calendars/:id/events/:eventId` (an instance's id too) ·
 * `GET channels`, `POST channels/:id/notify`, `POST channels/expire`.
 */
export function createGoogleControl(parts: GoogleParts): Router {
  const router = express.Router();
  accountRoutes(router, parts);
  calendarRoutes(router, parts);
  editRoutes(router, parts);
  router.use(controlledChannels(parts));
  router.use(answerComplaint);
  return router;
}

/** An edit that Google would refuse is refused in Google's words. */
// oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
const answerComplaint: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof GoogleError)) return next(error);
  return void res.status(error.code).json({ error: error.message, reason: error.entry.reason });
};

function accountRoutes(router: Router, parts: GoogleParts): void {
  const { accounts } = parts;
  router.put('/accounts/:email', (req, res) => {
    const { email } = req.params;
    const { refreshToken, scopes, accessTokenTtlSeconds } = bodyOf(req);
    const known = accounts.people.get(email);
    const account = {
      email,
      scopes: (scopes as string[] | undefined) ?? known?.scopes ?? [calendarScope],
      accessTokenTtlSeconds: Number(accessTokenTtlSeconds ?? known?.accessTokenTtlSeconds ?? 3599),
    };
    accounts.people.set(email, account);
    if (!parts.store.calendars.has(email)) saveCalendar(parts, email, { owner: email });
    const grant = { email, scopes: account.scopes };
    if (typeof refreshToken === 'string') accounts.grants.set(refreshToken, grant);
    const token = (refreshToken as string | undefined) ?? accounts.newRefreshToken(grant);
    res.json({ email, refreshToken: token });
  });
  router.post('/accounts/:email/revoke', (req, res) => {
    res.json({ email: req.params.email, revoked: accounts.endAll(req.params.email) });
  });
  router.post('/accounts/:email/expire-access-tokens', (req, res) => {
    const theirs = [...accounts.accessTokens.entries()].filter(
      ([, { email }]) => email === req.params.email,
    );
    for (const [token] of theirs) accounts.accessTokens.delete(token);
    res.json({ email: req.params.email, expired: theirs.length });
  });
}

function calendarRoutes(router: Router, parts: GoogleParts): void {
  const { store } = parts;
  router.put('/calendars/:calendarId', (req, res) => {
    res.json(saveCalendar(parts, req.params.calendarId, bodyOf(req)));
  });
  router.delete('/calendars/:calendarId', (req, res) => {
    const { id } = calendarOf(parts, req);
    store.removeCalendar(id);
    parts.channels.expire(id);
    res.json({ removed: id });
  });
  router.get('/calendars', (_req, res) => {
    res.json({ calendars: [...store.calendars.values()] });
  });
  router.get('/calendars/:calendarId/events', (req, res) => {
    const { id } = calendarOf(parts, req);
    res.json({ events: [...store.view(id).events.values()] });
  });
  router.post('/calendars/:calendarId/expire-sync-tokens', (req, res) => {
    const calendar = calendarOf(parts, req);
    store.calendars.set(calendar.id, { ...calendar, tokenEpoch: calendar.tokenEpoch + 1 });
    res.json({ calendarId: calendar.id, at: new Date().toISOString() });
  });
}

function editRoutes(router: Router, parts: GoogleParts): void {
  router.post('/calendars/:calendarId/events', (req, res) => {
    res.json(insertEvent(asPerson(parts, req), eventBody(req)));
  });
  router.post('/calendars/:calendarId/bulk', (req, res) => {
    const { events } = bodyOf(req);
    if (!Array.isArray(events)) throw badRequest('invalid', 'Give { "events": [...] }.');
    const bodies = events.map((event) => checked(event));
    res.json({ inserted: bodies.length, ...insertEvents(asPerson(parts, req), bodies) });
  });
  router.patch('/calendars/:calendarId/events/:eventId', (req, res) => {
    res.json(patchEvent(asPerson(parts, req), req.params.eventId, eventBody(req)));
  });
  router.delete('/calendars/:calendarId/events/:eventId', (req, res) => {
    res.json(removeEvent(asPerson(parts, req), req.params.eventId));
  });
}

function bodyOf(req: Request): Record<string, unknown> {
  return (req.body ?? {}) as Record<string, unknown>;
}

function eventBody(req: Request): EventBody {
  return checked(req.body);
}

function checked(body: unknown): EventBody {
  return readEventBody(Buffer.from(JSON.stringify(body ?? {})), 'refuse');
}

function calendarOf({ store }: GoogleParts, req: Request): Calendar {
  const calendar = store.calendars.get(String(req.params['calendarId']));
  if (calendar === undefined) {
    throw notFound('No such calendar; PUT /control/google/calendars/{id} makes one.');
  }
  return calendar;
}

function asPerson(parts: GoogleParts, req: Request): Writing {
  const calendar = calendarOf(parts, req);
  return { ...parts, calendar, actor: calendar.owner };
}

function saveCalendar(parts: GoogleParts, id: string, body: Record<string, unknown>): Calendar {
  const { store, accounts } = parts;
  const known = store.calendars.get(id);
  const wanted = { ...known, ...body };
  const owner = String(wanted.owner ?? '');
  const timeZone = String(wanted.timeZone ?? 'UTC');
  const accessRole = accessRoles.find((role) => role === (wanted.accessRole ?? 'owner'));
  if (!accounts.people.has(owner)) {
    throw badRequest(
      'invalid',
      'The owner is no account; PUT /control/google/accounts/{email} first.',
    );
  }
  if (!isZone(timeZone)) throw badRequest('invalid', 'timeZone is no IANA time zone.');
  if (accessRole === undefined) {
    throw badRequest('invalid', `accessRole is one of: ${accessRoles.join(', ')}.`);
  }
  const calendar: Calendar = {
    id,
    owner,
    summary: String(wanted.summary ?? id),
    timeZone,
    accessRole,
    pushSupported: wanted.pushSupported !== false,
    // A changed role changes what lists may show, so Google ends the sync tokens.
    tokenEpoch: (known?.tokenEpoch ?? 0) + (known && known.accessRole !== accessRole ? 1 : 0),
    changedMicros: store.clock.nextMicros(),
  };
  store.calendars.set(id, calendar);
  return calendar;
}
