import { readFileSync } from 'node:fs';
import { Router } from 'express';

/** The page behind payment links: static, so that what a link opens is known to its browser alone. */
export function payPage(stripeJsUrl: string): Router {
  const router = Router();
  const { origin } = new URL(stripeJsUrl);
  // Source: Stripe's guide "Content Security Policy" for Stripe.js.
  const outside = `${origin} https://*.js.stripe.com https://api.stripe.com https://hooks.stripe.com`;
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${origin} https://*.js.stripe.com`,
    "style-src 'self' 'unsafe-inline'",
    `connect-src 'self' ${outside}`,
    `frame-src ${outside}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const html = read('pay.html').replace('{{stripe}}', stripeJsUrl);
  const script = read('pay.js');
  const headers = {
    'content-security-policy': policy,
    'cache-control': 'no-cache',
    'referrer-policy': 'no-referrer',
  };
  router.get('/pay', (_request, response) => response.set(headers).type('html').send(html));
  router.get('/pay/pay.js', (_request, response) => response.set(headers).type('js').send(script));
  return router;
}

const read = (name: string): string =>
  readFileSync(new URL(`./pay/${name}`, import.meta.url), 'utf8');
