import { readFileSync } from 'node:fs';
import express from 'express';
import type { Request, Response, Router } from 'express';
import { failAuthentication, passAuthentication } from './authentication.ts';
import type { Emulator } from './emulator.ts';
import type { IntentRow } from './state.ts';

const ASSETS = {
  '/v3/stripe.js': { file: 'stripe.js', type: 'text/javascript' },
  '/v3/payment-element.js': { file: 'payment-element.js', type: 'text/javascript' },
  '/v3/payment-element.html': { file: 'payment-element.html', type: 'text/html' },
} as const;

/** Where pages of this emulator are as a browser sees them: the switch, or the host that was asked. */
export function pagesUrlOf({ switches }: Emulator, req: Request): string {
  const { pagesUrl } = switches;
  return pagesUrl === '' ? `${req.protocol}://${req.get('host') ?? 'localhost'}` : pagesUrl;
}

/** What a browser loads: the stand-in for Stripe.js, its card form, and the bank's page. */
export function createPages(emulator: Emulator): Router {
  const router = express.Router();
  for (const [path, { file, type }] of Object.entries(ASSETS)) {
    const text = readFileSync(new URL(`./browser/${file}`, import.meta.url), 'utf8');
    router.get(path, (_req, res) => {
      res.set({ 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-store' });
      res.type(type).send(text);
    });
  }
  router.get('/3d_secure_2/hosted', (req, res) => {
    const found = openAttempt(emulator, req.query);
    if (found === undefined) return page(res.status(410), 'Over', OVER);
    page(res, '3D Secure', question(found));
  });
  const form = express.urlencoded({ extended: false, limit: '16kb' });
  router.post('/3d_secure_2/hosted', form, (req, res) => answered(emulator, req, res));
  return router;
}

const OVER =
  '<p>This authentication is over: it was answered, or the payment was tried again since.</p>';

function answered(emulator: Emulator, req: Request, res: Response): void {
  const { outcome } = (req.body ?? {}) as { outcome?: string };
  const row = openAttempt(emulator, req.query);
  if (row === undefined) return page(res.status(410), 'Over', OVER + TELL_PARENT);
  const passes = outcome === 'complete';
  const failure = passes ? passAuthentication(emulator, row) : failAuthentication(emulator, row);
  if (row.returnUrl === undefined || row.object.next_action?.['type'] !== 'redirect_to_url') {
    const text = failure === null ? 'Authentication complete.' : 'Authentication failed.';
    return page(res, '3D Secure', `<p>${text}</p>${TELL_PARENT}`);
  }
  const back = new URL(row.returnUrl);
  back.searchParams.set('payment_intent', row.object.id);
  back.searchParams.set('payment_intent_client_secret', row.object.client_secret);
  back.searchParams.set('redirect_status', failure === null ? 'succeeded' : 'failed');
  res.redirect(303, back.href);
}

/** The intent that waits for this very try, and for no other. */
function openAttempt({ state }: Emulator, query: Request['query']): IntentRow | undefined {
  const { payment_intent: intent, source } = query;
  const row = typeof intent === 'string' ? state.intents.get(intent) : undefined;
  const open = row?.object.status === 'requires_action' && row.attempt === source;
  return open ? row : undefined;
}

/** Stripe.js shows the page in a frame and waits for word; it then reads the intent itself. */
const TELL_PARENT =
  "<script>if (parent !== window) parent.postMessage({ stripeAuthentication: 'answered' }, '*');</script>";

function question({ object }: IntentRow): string {
  const amount = new Intl.NumberFormat('en', { style: 'currency', currency: object.currency });
  const digits = amount.resolvedOptions().maximumFractionDigits ?? 2;
  const text = amount.format(object.amount / 10 ** digits);
  return (
    `<p>Your bank asks whether you pay ${text}. This page stands in for the bank's.</p>` +
    '<form method="post">' +
    '<button name="outcome" value="complete" id="test-source-authorize-3ds">Complete</button> ' +
    '<button name="outcome" value="fail" id="test-source-fail-3ds">Fail</button></form>'
  );
}

function page(res: Response, title: string, html: string): void {
  res
    .type('html')
    .send(
      '<!doctype html><html lang="en"><meta charset="utf-8">' +
        '<meta name="viewport" content="width=device-width">' +
        `<title>${title}</title><body style="font:16px system-ui;padding:1rem"><h1>${title}</h1>${html}`,
    );
}
