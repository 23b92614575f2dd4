import express from 'express';
import type { Response, Router } from 'express';
import { rawBody } from '../exchange.ts';
import { authorize, reachCalendar } from './access.ts';
import { answer } from './answer.ts';
import {
  calendarListEntry,
  calendarListParameters,
  calendarResource,
  listCalendars,
} from './calendar-list.ts';
import type { Channel } from './channels.ts';
import { badRequest } from './errors.ts';
import { readJsonObject } from './event-input.ts';
import { listParameters } from './events-list.ts';
import { queryFreeBusy } from './free-busy.ts';
import type { GoogleParts } from './google.ts';
import { readParameters } from './parameters.ts';

/** Calendars, free/busy and push channels. Source: Calendar v3 reference. */
export function createCalendarRoutes(parts: GoogleParts): Router {
  const { accounts, channels, store } = parts;
  const router = express.Router();
  router.get('/users/me/calendarList', (req, res) => {
    const access = authorize(req, accounts, 'listCalendars');
    const parameters = readParameters(req, calendarListParameters);
    answer(req, res, listCalendars(store, access, parameters));
  });
  router.get('/users/me/calendarList/:calendarId', (req, res) => {
    const access = authorize(req, accounts, 'listCalendars');
    readParameters(req, {});
    answer(req, res, calendarListEntry(reachCalendar(store, req.params.calendarId, access)));
  });
  router.get('/calendars/:calendarId', (req, res) => {
    const access = authorize(req, accounts, 'readCalendar');
    readParameters(req, {});
    answer(req, res, calendarResource(reachCalendar(store, req.params.calendarId, access)));
  });
  router.post('/freeBusy', (req, res) => {
    const access = authorize(req, accounts, 'freeBusy');
    readParameters(req, {});
    answer(req, res, queryFreeBusy(store, access, readJsonObject(rawBody(req))));
  });
  router.post('/channels/stop', (req, res) => {
    const access = authorize(req, accounts, 'stopChannel');
    readParameters(req, {});
    channels.stop(readJsonObject(rawBody(req)), access.email);
    res.status(204).end();
  });
  router.post('/calendars/:calendarId/events/watch', async (req, res) => {
    const access = authorize(req, accounts, 'readEvents');
    readParameters(req, listParameters);
    const calendar = reachCalendar(store, req.params.calendarId, access);
    if (!calendar.pushSupported) {
      const message = 'Push notifications are not supported by this resource.';
      throw badRequest('pushNotSupportedForRequestedResource', message);
    }
    const { id: calendarId, owner: email } = calendar;
    const path = encodeURIComponent(calendarId);
    const resourceUri = `https://www.googleapis.com/calendar/v3/calendars/${path}/events?alt=json`;
    const body = readJsonObject(rawBody(req));
    await announce(parts, res, channels.open({ calendarId, email, resourceUri }, body));
    return undefined;
  });
  return router;
}

/** The watch answer and the channel's `sync` notification, in the switched order. */
async function announce(
  { notifications, switches }: GoogleParts,
  res: Response,
  channel: Channel,
): Promise<void> {
  if (switches.syncBeforeWatchAnswer) await notifications.send(channel, 'sync');
  else res.on('finish', () => void notifications.send(channel, 'sync'));
  const { id, resourceId, resourceUri, token, expiresAtMs } = channel;
  res.json({
    kind: 'api#channel',
    id,
    resourceId,
    resourceUri,
    ...(token === undefined ? {} : { token }),
    expiration: String(expiresAtMs),
  });
}
