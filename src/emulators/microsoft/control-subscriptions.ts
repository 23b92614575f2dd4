import express from 'express';
import type { Request, Router } from 'express';
import { GraphError, badRequest } from './errors.ts';
import type { MicrosoftParts } from './microsoft.ts';
import { lifecycleEvents, someEntry } from './notifications.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * Subscriptions as seen from the inside. `GET subscriptions` ·
 * `POST subscriptions/:id/notify` (`{ times, eventId }`): tells of an event, any without `eventId` ·
 * `POST subscriptions/:id/lifecycle` (`{ event }`): `subscriptionRemoved` also removes it ·
 * `POST subscriptions/expire` (`{ id, calendarId }`, or all): ends them without a word.
 */
export function controlledSubscriptions(parts: MicrosoftParts): Router {
  const { notifications, subscriptions } = parts;
  const router = express.Router();
  router.get('/subscriptions', (_req, res) => {
    const shown = subscriptions.all().map(({ clientState, ...rest }) => ({
      ...rest,
      clientState: clientState === undefined ? undefined : `…${clientState.slice(-4)}`,
      expiresAt: new Date(rest.expiresAtMs).toISOString(),
    }));
    res.json({ subscriptions: shown });
  });
  router.post('/subscriptions/expire', (req, res) => {
    const { id, calendarId } = bodyOf(req);
    const those = subscriptions
      .all()
      .filter((each) => id === undefined || each.id === id)
      .filter((each) => calendarId === undefined || each.calendarId === calendarId);
    for (const each of those) subscriptions.remove(each);
    res.json({ expired: those.length });
  });
  router.post('/subscriptions/:id/notify', async (req, res) => {
    const subscription = reach(parts, req);
    const { times = 1, eventId } = bodyOf(req);
    const entry = entryFor(parts, subscription, eventId);
    const committed = { changeType: 'updated', entry } as const;
    const count = Number(times);
    const sent = Array.from({ length: count }, () => notifications.send(subscription, committed));
    await Promise.all(sent);
    res.json({ sent: count, at: new Date().toISOString() });
  });
  router.post('/subscriptions/:id/lifecycle', async (req, res) => {
    const subscription = reach(parts, req);
    const { event } = bodyOf(req);
    const known = lifecycleEvents.find((each) => each === event);
    if (known === undefined) {
      const message = `"event" is one of: ${lifecycleEvents.join(', ')}.`;
      throw badRequest('ErrorInvalidRequest', message);
    }
    if (known === 'subscriptionRemoved') subscriptions.remove(subscription);
    await notifications.lifecycle(subscription, known);
    res.json({ sent: known, at: new Date().toISOString() });
  });
  return router;
}

function bodyOf(req: Request): Record<string, unknown> {
  return (req.body ?? {}) as Record<string, unknown>;
}

function reach({ subscriptions }: MicrosoftParts, req: Request): Subscription {
  const subscription = subscriptions.get(String(req.params['id']));
  if (subscription !== undefined) return subscription;
  const message = 'No such subscription; GET /control/microsoft/subscriptions.';
  throw new GraphError(404, 'ResourceNotFound', { message });
}

function entryFor({ store }: MicrosoftParts, subscription: Subscription, eventId: unknown) {
  if (typeof eventId === 'string') {
    const found = store.find(eventId);
    if (found !== undefined) return found.entry;
  }
  const entry = someEntry(store, subscription);
  if (entry !== undefined) return entry;
  throw badRequest('ErrorInvalidRequest', 'The calendar is empty: there is nothing to tell of.');
}
