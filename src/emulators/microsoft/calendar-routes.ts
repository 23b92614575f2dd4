import express from 'express';
import type { Request, Router } from 'express';
import { authorize, reachCalendar, readJsonObject } from './access.ts';
import { userIdOf } from './accounts.ts';
import type { Calendar } from './calendar-store.ts';
import { badRequest } from './errors.ts';
import type { MicrosoftParts } from './microsoft.ts';
import { collectionPage, graphUrl, pageSize } from './paging.ts';
import { readPreferences } from './prefer.ts';
import { getSchedule } from './schedule.ts';

/** The person, calendars and free/busy of `/me` or `/users/{id}`. */
export function createCalendarRoutes(parts: MicrosoftParts): Router {
  const { accounts, store, switches } = parts;
  const router = express.Router({ mergeParams: true });
  router.get('/', (req, res) => {
    const { email } = authorize(req, accounts, 'profile');
    res.json({
      '@odata.context': graphUrl(req, '/$metadata#users/$entity'),
      id: userIdOf(email),
      displayName: email.split('@', 1)[0],
      mail: email,
      userPrincipalName: email,
    });
  });
  router.get('/calendars', (req, res) => {
    const { email } = authorize(req, accounts, 'read');
    const { maxPageSize } = readPreferences(req, res);
    const items = [...store.calendars.values()].filter(({ account }) => account === email);
    const { $top, $skip } = req.query;
    const top = pageSize(maxPageSize ?? number($top), switches);
    res.json(collectionPage(req, { items, top, skip: number($skip) ?? 0 }, calendarView));
  });
  router.get(['/calendar', '/calendars/:calendarId'], (req, res) => {
    const access = authorize(req, accounts, 'read');
    const calendar = reachCalendar(store, req.params['calendarId']?.toString(), access);
    const context = graphUrl(req, '/$metadata#calendars/$entity');
    res.json({ '@odata.context': context, ...calendarView(calendar) });
  });
  router.post(
    ['/calendar/getSchedule', '/calendars/:calendarId/getSchedule'],
    (req: Request, res) => {
      authorize(req, accounts, 'freeBusy');
      const preferences = readPreferences(req, res);
      const value = getSchedule({ store, switches, preferences }, readJsonObject(req));
      const context = graphUrl(req, '/$metadata#Collection(microsoft.graph.scheduleInformation)');
      res.json({ '@odata.context': context, value });
    },
  );
  return router;
}

function number(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^\d{1,6}$/.test(value)) return Number(value);
  throw badRequest('ErrorInvalidUrlQuery', '$top and $skip are numbers.');
}

/** Source: Graph reference, calendar resource. */
function calendarView(calendar: Calendar): Record<string, unknown> {
  const { id, name, hexColor, canEdit, canShare, isDefault, account, sharedBy } = calendar;
  const address = sharedBy ?? account;
  return {
    id,
    name,
    color: 'auto',
    hexColor,
    changeKey: Buffer.from(`${id} ${name} ${canEdit}`).toString('base64').slice(0, 24),
    isDefaultCalendar: isDefault,
    canShare,
    canViewPrivateItems: sharedBy === undefined,
    canEdit,
    isRemovable: !isDefault,
    isTallyingResponses: isDefault,
    allowedOnlineMeetingProviders: ['teamsForBusiness'],
    defaultOnlineMeetingProvider: 'teamsForBusiness',
    owner: { name: address.split('@', 1)[0], address },
  };
}
