import express from 'express';
import type { Request, Router } from 'express';
import { controlledCalendar } from './access.ts';
import { currentEntries } from './calendar-store.ts';
import { badRequest } from './errors.ts';
import type { Body } from './event-body.ts';
import { eventView } from './event-view.ts';
import { createEvent, deleteEvent, updateEvent } from './event-writes.ts';
import type { Writing } from './event-writes.ts';
import { spanOf } from './event.ts';
import type { MicrosoftParts } from './microsoft.ts';
import { itemAt, itemsIn } from './occurrences.ts';
import type { Item } from './occurrences.ts';
import { readWindow } from './view-window.ts';

/**
 * A person's edits, and what a calendar holds. Answers show times in UTC and immutable ids, with
 * `changedAt` and, from when the delta knows, `visibleAt`.
 * `POST calendars/:id/events`, `POST calendars/:id/bulk` (`{ "events": [...] }`),
 * `PATCH|DELETE calendars/:id/events/:eventId` (an occurrence's id too) · `GET calendars/:id/events`:
 * events, masters and exceptions whole · `GET calendars/:id/occurrences?startDateTime&endDateTime`:
 * `{ id, startAt, endAt, isAllDay, showAs, isCancelled }` of all that lies there, sorted, to compare with.
 */
export function controlledEvents(parts: MicrosoftParts): Router {
  const router = express.Router();
  const writing: Writing = { ...parts, writer: 'person', immutableIds: true };
  router.get('/calendars/:calendarId/events', (req, res) => {
    const { id } = controlledCalendar(parts.store, req);
    const events = currentEntries(parts.store.view(id)).flatMap((entry) => [
      view(parts, itemAt(entry, undefined, parts.switches)!),
      ...Object.keys(entry.exceptions).map((wall) =>
        view(parts, itemAt(entry, Number(wall), parts.switches)!),
      ),
    ]);
    res.json({ events });
  });
  router.get('/calendars/:calendarId/occurrences', (req, res) => {
    const { id } = controlledCalendar(parts.store, req);
    const window = readWindow(req);
    const occurrences = currentEntries(parts.store.view(id))
      .flatMap((entry) => itemsIn(entry, window, parts.switches))
      .filter(({ type }) => type !== 'seriesMaster')
      .map((item) => neutral(parts, item))
      .toSorted((a, b) => (`${a.startAt} ${a.id}` < `${b.startAt} ${b.id}` ? -1 : 1));
    res.json({ occurrences });
  });
  router.post('/calendars/:calendarId/events', (req, res) => {
    const item = createEvent(writing, controlledCalendar(parts.store, req), bodyOf(req));
    res.json({ ...view(parts, item), ...instants(item.entry) });
  });
  router.post('/calendars/:calendarId/bulk', (req, res) => {
    const calendar = controlledCalendar(parts.store, req);
    const { events } = bodyOf(req);
    if (!Array.isArray(events))
      throw badRequest('ErrorInvalidRequest', 'Give { "events": [...] }.');
    const items = (events as Body[]).map((event) => createEvent(writing, calendar, event));
    const last = items.at(-1);
    res.json({
      inserted: items.length,
      ids: items.map((item) => view(parts, item)['id']),
      ...(last === undefined ? {} : instants(last.entry)),
    });
  });
  router.patch('/calendars/:calendarId/events/:eventId', (req, res) => {
    const target = { eventId: req.params.eventId, ifMatch: undefined };
    const item = updateEvent(writing, target, bodyOf(req));
    res.json({ ...view(parts, item), ...instants(item.entry) });
  });
  router.delete('/calendars/:calendarId/events/:eventId', (req, res) => {
    const { eventId } = req.params;
    deleteEvent(writing, { eventId, ifMatch: undefined });
    res.json({ deleted: eventId, ...instants(parts.store.find(eventId)!.entry) });
  });
  return router;
}

function bodyOf(req: Request): Body {
  return (req.body ?? {}) as Body;
}

function instants({ visibleAtMs }: Item['entry']) {
  return { changedAt: new Date().toISOString(), visibleAt: new Date(visibleAtMs).toISOString() };
}

const inUtc = { zone: 'UTC', zoneName: 'UTC', immutableIds: true };

function view({ store, switches }: MicrosoftParts, item: Item): Record<string, unknown> {
  const calendar = store.calendars.get(item.entry.calendarId)!;
  return eventView(item, { calendar, preferences: inUtc, switches });
}

function neutral(parts: MicrosoftParts, item: Item) {
  const { startMs, endMs } = spanOf(item.event);
  return {
    id: String(view(parts, item)['id']),
    startAt: new Date(startMs).toISOString(),
    endAt: new Date(endMs).toISOString(),
    isAllDay: item.event.isAllDay,
    showAs: item.event.showAs,
    isCancelled: item.event.isCancelled,
  };
}
