import express from 'express';
import type { NextFunction, Request, Response, Router } from 'express';
import { accountRoutes } from './account-control.ts';
import { ControlError } from './control-error.ts';
import type { Emulator } from './emulator.ts';
import { parseForm } from './form.ts';
import { intentRoutes } from './intent-control.ts';
import { slotOf } from './idempotency.ts';
import { ledger } from './ledger.ts';
import { addScript } from './scripts.ts';
import { webhookRoutes } from './webhook-control.ts';

/** Mounted at `/control/stripe`: accounts, the customer and the bank, webhooks, scripts, ledger. */
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
  // The next requests that match are held or slowed while their key is in use.
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
    const { account, key } = req.query;
    if (typeof account === 'string' && typeof key === 'string') {
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
