import express from 'express';
import type { Request, Response, Router } from 'express';
import { authorize, reachCalendar, readJsonObject } from './access.ts';
import { currentEntries } from './calendar-store.ts';
import type { Calendar } from './calendar-store.ts';
import { deltaPage } from './delta.ts';
import { notFound } from './errors.ts';
import { readEventQuery, selectedView } from './event-query.ts';
import type { Showing } from './event-view.ts';
import { createEvent, deleteEvent, updateEvent } from './event-writes.ts';
import type { Writing } from './event-writes.ts';
import type { MicrosoftParts } from './microsoft.ts';
import { instancesIn, itemAt, itemsIn } from './occurrences.ts';
import type { Item } from './occurrences.ts';
import { collectionPage, pageSize } from './paging.ts';
import { readPreferences } from './prefer.ts';
import { readWindow } from './view-window.ts';

/** One call, understood: by whom it is, what it prefers, and what it reads from. */
interface Asked {
  parts: MicrosoftParts;
  req: Request;
  res: Response;
  calendar: Calendar;
}

/** The paths that name a calendar's events; without an id the default calendar's. */
const eventPaths = ['/events', '/calendar/events', '/calendars/:calendarId/events'];
const viewPaths = [
  '/calendarView',
  '/calendar/calendarView',
  '/calendars/:calendarId/calendarView',
];

/** Events of `/me` or `/users/{id}`. Source: Graph reference, event resource and its methods. */
export function createEventRoutes(parts: MicrosoftParts): Router {
  const router = express.Router({ mergeParams: true });
  router.get(eventPaths, (req, res) => {
    const asked = reading(parts, req, res);
    const { calendar } = asked;
    const entries = currentEntries(parts.store.view(calendar.id));
    const items = entries.map((entry) => itemAt(entry, undefined, parts.switches)!);
    answerPage(asked, items);
  });
  router.get(viewPaths, (req, res) => {
    const asked = reading(parts, req, res);
    answerPage(asked, viewItems(asked));
  });
  router.get(
    viewPaths.flatMap((path) => [`${path}/delta`, `${path}/microsoft.graph.delta`]),
    (req, res) => {
      const { calendar } = reading(parts, req, res);
      const { store, switches } = parts;
      const preferences = readPreferences(req, res);
      res.json(deltaPage(req, { store, switches, calendar, preferences }));
    },
  );
  router.post(eventPaths, (req, res) => {
    const access = authorize(req, parts.accounts, 'write');
    const calendar = reachCalendar(parts.store, calendarIdOf(req), access);
    const item = createEvent(writingOf(parts, req, res), calendar, readJsonObject(req));
    answerItem({ parts, req, res: res.status(201), calendar }, item);
  });
  singleRoutes(router, parts);
  return router;
}

function singleRoutes(router: Router, parts: MicrosoftParts): void {
  const paths = eventPaths.map((path) => `${path}/:eventId`);
  router.get(paths, (req, res) => {
    const item = reachItem(parts, req, 'read');
    answerItem({ parts, req, res, calendar: calendarOf(parts, item) }, item);
  });
  router.get(
    paths.map((path) => `${path}/instances`),
    (req, res) => {
      const item = reachItem(parts, req, 'read');
      const asked = { parts, req, res, calendar: calendarOf(parts, item) };
      answerPage(asked, instancesIn(item.entry, readWindow(req), parts.switches));
    },
  );
  router.patch(paths, (req, res) => {
    const calendar = calendarOf(parts, reachItem(parts, req, 'write'));
    const target = { eventId: String(req.params['eventId']), ifMatch: req.get('if-match') };
    const item = updateEvent(writingOf(parts, req, res), target, readJsonObject(req));
    answerItem({ parts, req, res, calendar }, item);
  });
  router.delete(paths, (req, res) => {
    reachItem(parts, req, 'write');
    const target = { eventId: String(req.params['eventId']), ifMatch: req.get('if-match') };
    deleteEvent(writingOf(parts, req, res), target);
    res.status(204).end();
  });
}

function reading(parts: MicrosoftParts, req: Request, res: Response): Asked {
  const access = authorize(req, parts.accounts, 'read');
  return { parts, req, res, calendar: reachCalendar(parts.store, calendarIdOf(req), access) };
}

function calendarIdOf(req: Request): string | undefined {
  return req.params['calendarId']?.toString();
}

/** Single events, occurrences and exceptions in the window; masters are not in a calendar view. */
function viewItems({ parts, req, calendar }: Asked): Item[] {
  const window = readWindow(req);
  return currentEntries(parts.store.view(calendar.id))
    .flatMap((entry) => itemsIn(entry, window, parts.switches))
    .filter(({ type }) => type !== 'seriesMaster');
}

function answerPage({ parts, req, res, calendar }: Asked, items: Item[]): void {
  const { switches } = parts;
  const preferences = readPreferences(req, res);
  const query = readEventQuery(req);
  const showing: Showing = { calendar, preferences, switches };
  const top = pageSize(preferences.maxPageSize ?? query.top, switches);
  const listing = { items: items.filter(query.matches), top, skip: query.skip };
  res.json(collectionPage(req, listing, (item) => selectedView(item, query, showing)));
}

function answerItem({ parts, req, res, calendar }: Asked, item: Item): void {
  const preferences = readPreferences(req, res);
  const showing: Showing = { calendar, preferences, switches: parts.switches };
  res.json(selectedView(item, readEventQuery(req), showing));
}

/** The item that the path names, if it is one of the caller's, in the calendar that the path names. */
function reachItem(parts: MicrosoftParts, req: Request, group: 'read' | 'write'): Item {
  const { accounts, store, switches } = parts;
  const access = authorize(req, accounts, group);
  const found = store.find(String(req.params['eventId']));
  const item = found === undefined ? undefined : itemAt(found.entry, found.wallMs, switches);
  const calendar = item === undefined ? undefined : store.calendars.get(item.entry.calendarId);
  const named = calendarIdOf(req);
  const elsewhere = named !== undefined && calendar?.id !== named;
  if (item === undefined || calendar?.account !== access.email || elsewhere) throw notFound();
  return item;
}

function calendarOf({ store }: MicrosoftParts, { entry }: Item): Calendar {
  return store.calendars.get(entry.calendarId)!;
}

function writingOf(parts: MicrosoftParts, req: Request, res: Response): Writing {
  const { immutableIds } = readPreferences(req, res);
  return { ...parts, writer: 'app', immutableIds };
}
