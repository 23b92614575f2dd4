import type { Router } from 'express';
import { ControlError } from './control-error.ts';
import { FORGED_SECRET, listeners, post } from './deliveries.ts';
import type { Manner } from './deliveries.ts';
import { API_VERSION, nowSeconds } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { newId } from './ids.ts';
import { addWebhookFault } from './webhook-faults.ts';

/** Events and their deliveries in the hands of a test; delay, copies and order are switches. */
export function webhookRoutes(router: Router, emulator: Emulator): void {
  const { state, deliveries } = emulator;
  router.get('/events', (req, res) => {
    const { account, type } = req.query;
    const rows = [...state.events.values()].filter(
      (row) => (!account || row.account === account) && (!type || row.object.type === type),
    );
    res.json({ events: rows.map((row) => ({ of: row.account, ...row.object })) });
  });
  router.post('/events/:id/send', (req, res) => {
    const { id } = req.params;
    if (!state.events.has(id))
      throw new ControlError(404, `No event ${id}; GET events lists them.`);
    res.json({ planned: deliveries.resend(id, (req.body ?? {}) as Manner) });
  });
  router.get('/deliveries', (_req, res) => {
    const rows = [...state.deliveries.values()];
    res.json({
      deliveries: rows.map((row) => ({ ...row, type: state.events.get(row.event)?.object.type })),
    });
  });
  router.post('/deliveries/release', (req, res) => {
    const { order } = (req.body ?? {}) as { order?: string };
    const reversed = order === 'reversed';
    res.json({ released: deliveries.release(reversed ? 'reversed' : 'as-they-happened') });
  });
  router.get('/webhook-faults', (_req, res) => {
    res.json({ faults: [...state.webhookFaults.values()] });
  });
  router.post('/webhook-faults', (req, res) => {
    res.json(addWebhookFault(emulator, (req.body ?? {}) as Record<string, unknown>));
  });
  router.delete('/webhook-faults', (_req, res) => {
    state.webhookFaults.clear();
    res.json({ faults: [] });
  });
  router.post('/deliveries/forge', async (req, res) => {
    res.json(await forge(emulator, (req.body ?? {}) as Forgery));
  });
}

type Forgery = {
  account?: string;
  type?: string;
  object?: Record<string, unknown>;
  /** Signs with this; without it the signature is of a secret nobody has. */
  secret?: string;
};

/** Sends an event that never happened, as somebody would who found the address. */
async function forge({ state }: Emulator, forgery: Forgery): Promise<{ answers: unknown[] }> {
  const { account = '', type = 'payment_intent.succeeded', object = {}, secret } = forgery;
  const event = {
    id: newId('evt'),
    object: 'event',
    api_version: API_VERSION,
    created: nowSeconds(),
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
  };
  const endpoints = listeners(state, account, type);
  if (endpoints.length === 0) {
    throw new ControlError(404, `No endpoint of account "${account}" listens to ${type}.`);
  }
  const body = JSON.stringify(event);
  const sent = endpoints.map((endpoint) =>
    post({ ...endpoint, secret: secret ?? FORGED_SECRET }, body),
  );
  return { answers: await Promise.all(sent) };
}
