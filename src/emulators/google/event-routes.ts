import express from 'express';
import type { Request, Response, Router } from 'express';
import { rawBody } from '../exchange.ts';
import { authorize, needRole, reachCalendar } from './access.ts';
import { readEventBody } from './event-input.ts';
import { present } from './event-view.ts';
import { findEvent, insertEvent, patchEvent, removeEvent, replaceEvent } from './event-writes.ts';
import type { Writing, Written } from './event-writes.ts';
import type { EventBody, GoogleEvent } from './event.ts';
import { listEvents, listParameters } from './events-list.ts';
import { answer } from './answer.ts';
import type { GoogleParts } from './google.ts';
import { instancesParameters, listInstances } from './instances.ts';
import { readParameters } from './parameters.ts';

const writeParameters = {
  alwaysIncludeEmail: 'boolean',
  conferenceDataVersion: 'string',
  maxAttendees: 'integer',
  sendNotifications: 'boolean',
  sendUpdates: 'string',
  supportsAttachments: 'boolean',
} as const;

/** The methods of the Events collection. Source: Calendar v3 reference, Events. */
export function createEventRoutes(parts: GoogleParts): Router {
  const router = express.Router();
  const collection = '/calendars/:calendarId/events';
  router.get(collection, (req, res) => {
    const calendar = reach(parts, req, 'readEvents');
    needRole(calendar, 'freeBusyReader');
    const parameters = readParameters(req, listParameters);
    answer(req, res, listEvents({ ...parts, calendar, parameters }));
  });
  router.post(collection, (req, res) => {
    readParameters(req, writeParameters);
    answerWritten(parts, { req, res }, (writing) => insertEvent(writing, body(parts, req)));
  });
  router.get(`${collection}/:eventId`, (req, res) => {
    const { timeZone, maxAttendees } = readParameters(req, readOneParameters);
    const calendar = reach(parts, req, 'readEvents');
    const event = findEvent(parts.store, calendar, req.params.eventId);
    res.set('ETag', event.etag);
    if (req.get('if-none-match') === event.etag) return void res.status(304).end();
    const view = parts.store.view(calendar.id);
    const viewing = { view, calendar, tombstones: parts.switches.tombstones };
    return answer(req, res, present({ ...viewing, timeZone, maxAttendees }, event));
  });
  router.put(`${collection}/:eventId`, (req, res) => {
    readParameters(req, writeParameters);
    answerWritten(parts, { req, res }, (writing) =>
      replaceEvent(writing, req.params.eventId, body(parts, req)),
    );
  });
  router.patch(`${collection}/:eventId`, (req, res) => {
    readParameters(req, writeParameters);
    answerWritten(parts, { req, res }, (writing) =>
      patchEvent(writing, req.params.eventId, body(parts, req)),
    );
  });
  router.delete(`${collection}/:eventId`, (req, res) => {
    readParameters(req, writeParameters);
    removeEvent(writingOf(parts, req), req.params.eventId);
    res.status(204).end();
  });
  router.get(`${collection}/:eventId/instances`, (req, res) => {
    const parameters = readParameters(req, instancesParameters);
    const calendar = reach(parts, req, 'readEvents');
    const place = { calendar, masterId: req.params.eventId };
    const { items, ...next } = listInstances(parts.store, place, parameters);
    const { summary, timeZone, accessRole } = calendar;
    const head = { kind: 'calendar#events', summary, timeZone, accessRole, defaultReminders: [] };
    answer(req, res, {
      ...head,
      ...next,
      items: items.map((event) => shown(parts, calendar, event)),
    });
  });
  return router;
}

const readOneParameters = {
  alwaysIncludeEmail: 'boolean',
  maxAttendees: 'integer',
  timeZone: 'zone',
} as const;

function body(parts: GoogleParts, req: Request): EventBody {
  return readEventBody(rawBody(req), parts.switches.unknownBodyFields);
}

function reach(parts: GoogleParts, req: Request, group: 'readEvents' | 'writeEvents') {
  const access = authorize(req, parts.accounts, group);
  return reachCalendar(parts.store, String(req.params['calendarId']), access);
}

function writingOf(parts: GoogleParts, req: Request): Writing {
  const calendar = reach(parts, req, 'writeEvents');
  needRole(calendar, 'writer');
  return { ...parts, calendar, actor: calendar.owner, ifMatch: req.get('if-match') };
}

function answerWritten(
  parts: GoogleParts,
  { req, res }: { req: Request; res: Response },
  write: (writing: Writing) => Written,
): void {
  const writing = writingOf(parts, req);
  const { event } = write(writing);
  res.set('ETag', event.etag);
  answer(req, res, shown(parts, writing.calendar, event));
}

function shown(parts: GoogleParts, calendar: Writing['calendar'], event: GoogleEvent) {
  const view = parts.store.view(calendar.id);
  return present({ view, calendar, tombstones: parts.switches.tombstones }, event);
}
