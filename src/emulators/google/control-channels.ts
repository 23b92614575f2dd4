import express from 'express';
import type { Router } from 'express';
import { notFound } from './errors.ts';
import type { GoogleParts } from './google.ts';
import type { ResourceState } from './notifications.ts';

const states: readonly ResourceState[] = ['sync', 'exists', 'not_exists'];

/** Push channels as seen from the inside: who watches, extra notifications, early ends. */
export function controlledChannels({ channels, notifications }: GoogleParts): Router {
  const router = express.Router();
  router.get('/channels', (_req, res) => {
    const shown = [...channels.stored.values()].map((channel) => ({
      ...channel,
      token: channel.token === undefined ? undefined : `…${channel.token.slice(-4)}`,
    }));
    res.json({ channels: shown });
  });
  router.post('/channels/expire', (req, res) => {
    const { calendarId } = (req.body ?? {}) as { calendarId?: string };
    res.json({ expired: channels.expire(calendarId) });
  });
  router.post('/channels/:id/notify', async (req, res) => {
    const channel = channels.stored.get(req.params.id);
    if (channel === undefined) throw notFound('No such channel; GET /control/google/channels.');
    const { state = 'exists', times = 1 } = (req.body ?? {}) as { state?: string; times?: number };
    const known = states.find((each) => each === state) ?? 'exists';
    await Promise.all(Array.from({ length: times }, () => notifications.send(channel, known)));
    res.json({ sent: times, at: new Date().toISOString() });
  });
  return router;
}
