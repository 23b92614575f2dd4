import express from 'express';
import type { NextFunction, Request, Response, Router } from 'express';
import { accountRoutes } from './account-control.ts';
import { ControlError } from './control-error.ts';
import type { Emulator } from './emulator.ts';
import { parseForm } from './form.ts';
import { intentRoutes } from './intent-control.ts';
import { slotOf } from './idempotency.ts';
import { effects, ledger } from './ledger.ts';
import { addScript } from './scripts.ts';
import { webhookRoutes } from './webhook-control.ts';

/**
 * Mounted at `/control/stripe`, JSON in and out. Accounts: `PUT accounts/:id`, `GET accounts`.
 * Customer, bank and time: `GET intents`, `POST intents/:id/<deed>` (see `DEEDS`),
 * `POST refunds/:id/succeed|fail`, `GET disputes`, `POST disputes/:id/close`. Money:
 * `GET effects?since&limit&account&intent`, `GET ledger?metadata[k]=v&account`. Calls that go wrong:
 * `POST|GET|DELETE executions`, `POST next-500`, `DELETE idempotency?account&key|olderThanSeconds`.
 * Webhooks: `GET events`, `POST events/:id/send`, `GET deliveries`, `POST deliveries/release|forge`,
 * `POST|GET|DELETE webhook-faults`.
 */
export function createStripeControl(emulator: Emulator): Router {
  const router = express.Router();
  accountRoutes(router, emulator);
  intentRoutes(router, emulator);
  webhookRoutes(router, emulator);
  router.get('/ledger', (req, res) => {
    const { metadata, account } = parseForm(req.originalUrl.split('?')[1] ?? '');
    const asked = typeof metadata === 'object' && !Array.isArray(metadata) ? metadata : {};
    const texts = Object.entries(asked).filter((pair) => typeof pair[1] === 'string');
    const intents = ledger(emulator, {
      metadata: Object.fromEntries(texts) as Record<string, string>,
      ...(typeof account === 'string' ? { account } : {}),
    });
    res.json({ intents });
  });
  router.get('/effects', (req, res) => {
    const { since, limit, account, intent } = req.query;
    const found = effects(emulator, {
      since: Number(since ?? 0),
      limit: Math.min(Number(limit ?? 1000), 10_000),
      ...(typeof account === 'string' ? { account } : {}),
      ...(typeof intent === 'string' ? { intent } : {}),
    });
    res.json(found);
  });
  scriptRoutes(router, emulator);
  router.use(complain);
  return router;
}

function scriptRoutes(router: Router, emulator: Emulator): void {
  const { scripts, outcomes } = emulator.state;
  // The next requests that match answer 500 after their execution began: stored under their key.
  router.post('/next-500', (req, res) => {
    res.json(addScript(emulator, (req.body ?? {}) as Record<string, unknown>, { status: 500 }));
  });
  // The next requests that match meet what is asked, or a share of all: see `ExecutionScript`.
  router.post('/executions', (req, res) => {
    res.json(addScript(emulator, (req.body ?? {}) as Record<string, unknown>, {}));
  });
  router.get('/executions', (_req, res) => {
    res.json({ scripts: [...scripts.values()] });
  });
  router.delete('/executions', (_req, res) => {
    scripts.clear();
    res.json({ scripts: [] });
  });
  // What Stripe does to keys after a day or more.
  router.delete('/idempotency', (req, res) => {
    const { account, key, olderThanSeconds } = req.query;
    if (typeof olderThanSeconds === 'string') {
      const before = Date.now() - Number(olderThanSeconds) * 1000;
      for (const [slot, { at }] of outcomes.entries()) if (at < before) outcomes.delete(slot);
    } else if (typeof account === 'string' && typeof key === 'string') {
      outcomes.delete(slotOf({ account, key }));
    } else {
      outcomes.clear();
    }
    res.json({ stored: outcomes.size });
  });
}

// oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
function complain(error: unknown, _req: Request, res: Response, next: NextFunction): void {
  if (res.headersSent) return next(error);
  const status = error instanceof ControlError ? error.status : 400;
  res.status(status).json({ error: error instanceof Error ? error.message : String(error) });
}
