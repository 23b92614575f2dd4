import express from 'express';
import type { ErrorRequestHandler, Request, Router } from 'express';
import { alphanumeric } from '../host.ts';
import { defaultScopes, userIdOf } from './accounts.ts';
import { controlledCalendar, defaultCalendar } from './access.ts';
import type { Calendar } from './calendar-store.ts';
import { controlledEvents } from './control-events.ts';
import { controlledSubscriptions } from './control-subscriptions.ts';
import { GraphError, badRequest } from './errors.ts';
import type { MicrosoftParts } from './microsoft.ts';

/**
 * Microsoft as a person uses it, mounted at `/control/microsoft`. Bodies of events are Graph events.
 * `PUT accounts/:email`, `POST accounts/:email/{revoke,expire-access-tokens,throttle}`,
 * `GET accounts/:email/load` · `GET calendars`, `PUT|DELETE calendars/:id`,
 * `POST calendars/:id/expire-delta-tokens` · events: see `controlledEvents` · subscriptions: see
 * `controlledSubscriptions`.
 */
export function createMicrosoftControl(parts: MicrosoftParts): Router {
  const router = express.Router();
  accountRoutes(router, parts);
  calendarRoutes(router, parts);
  router.use(controlledEvents(parts));
  router.use(controlledSubscriptions(parts));
  router.use(answerComplaint);
  return router;
}

/** An edit that Graph would refuse is refused in Graph's words. */
// oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
const answerComplaint: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof GraphError)) return next(error);
  return void res.status(error.status).json({ error: error.message, code: error.code });
};

function accountRoutes(router: Router, parts: MicrosoftParts): void {
  const { accounts, limiter, store } = parts;
  router.put('/accounts/:email', (req, res) => {
    const { email } = req.params;
    const { refreshToken, scopes, accessTokenTtlSeconds } = bodyOf(req);
    const known = accounts.people.get(email);
    const account = {
      email,
      scopes: (scopes as string[] | undefined) ?? known?.scopes ?? defaultScopes,
      accessTokenTtlSeconds: Number(accessTokenTtlSeconds ?? known?.accessTokenTtlSeconds ?? 3599),
    };
    accounts.people.set(email, account);
    const calendar =
      defaultCalendar(store, email) ??
      saveCalendar(parts, newCalendarId(parts), {
        account: email,
        name: 'Calendar',
        isDefault: true,
      });
    const grant = { email, scopes: account.scopes };
    if (typeof refreshToken === 'string') accounts.grants.set(refreshToken, grant);
    const token = (refreshToken as string | undefined) ?? accounts.newRefreshToken(grant);
    res.json({ email, id: userIdOf(email), refreshToken: token, calendarId: calendar.id });
  });
  router.post('/accounts/:email/revoke', (req, res) => {
    res.json({ email: req.params.email, revoked: accounts.endAll(req.params.email) });
  });
  router.post('/accounts/:email/expire-access-tokens', (req, res) => {
    const { email } = req.params;
    const theirs = [...accounts.accessTokens.entries()].filter(([, each]) => each.email === email);
    for (const [token, access] of theirs) {
      accounts.accessTokens.set(token, { ...access, expiresAtMs: 0 });
    }
    res.json({ email, expired: theirs.length });
  });
  router.post('/accounts/:email/throttle', (req, res) => {
    const { seconds = 10 } = bodyOf(req);
    limiter.throttle(req.params.email, Number(seconds));
    res.json({ email: req.params.email, seconds: Number(seconds) });
  });
  router.get('/accounts/:email/load', (req, res) => {
    res.json({ email: req.params.email, ...limiter.load(req.params.email) });
  });
}

function calendarRoutes(router: Router, parts: MicrosoftParts): void {
  const { store } = parts;
  router.get('/calendars', (_req, res) => {
    res.json({ calendars: [...store.calendars.values()] });
  });
  router.put('/calendars/:calendarId', (req, res) => {
    res.json(saveCalendar(parts, req.params.calendarId, bodyOf(req)));
  });
  router.delete('/calendars/:calendarId', (req, res) => {
    const calendar = controlledCalendar(store, req);
    for (const each of parts.subscriptions.watching(calendar.account, calendar.id)) {
      if (each.calendarId !== undefined) parts.subscriptions.remove(each);
    }
    store.removeCalendar(calendar.id);
    res.json({ removed: calendar.id });
  });
  router.post('/calendars/:calendarId/expire-delta-tokens', (req, res) => {
    const calendar = controlledCalendar(store, req);
    store.calendars.set(calendar.id, { ...calendar, tokenEpoch: calendar.tokenEpoch + 1 });
    res.json({ calendarId: calendar.id, at: new Date().toISOString() });
  });
}

function bodyOf(req: Request): Record<string, unknown> {
  return (req.body ?? {}) as Record<string, unknown>;
}

function newCalendarId({ host }: MicrosoftParts): string {
  return `AAMkAGI1AAAt${host.opaqueId('microsoft-calendar', alphanumeric, 60)}=`;
}

/** `{ account, name, hexColor, canEdit, canShare, isDefault, sharedBy }`; the rest stays as it was. */
function saveCalendar(
  { accounts, store }: MicrosoftParts,
  id: string,
  body: Record<string, unknown>,
): Calendar {
  const known = store.calendars.get(id);
  const wanted = { ...known, ...body };
  const account = String(wanted.account ?? '');
  if (!accounts.people.has(account)) {
    const message = 'The account is unknown; PUT /control/microsoft/accounts/{email} first.';
    throw badRequest('ErrorInvalidRequest', message);
  }
  const calendar: Calendar = {
    id,
    account,
    name: String(wanted.name ?? id),
    hexColor: String(wanted.hexColor ?? ''),
    canEdit: wanted.canEdit !== false,
    canShare: wanted.canShare !== false && !wanted.sharedBy,
    isDefault: wanted.isDefault === true,
    ...(wanted.sharedBy ? { sharedBy: String(wanted.sharedBy) } : {}),
    tokenEpoch: known?.tokenEpoch ?? 0,
  };
  store.calendars.set(id, calendar);
  return calendar;
}
