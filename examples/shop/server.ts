/**
 * A booking page and the small backend that it needs: the backend alone has the API key, and the
 * page has the token of the one booking that its guest made. `npm start` runs it for the demo.
 *
 *   API_URL=… API_KEY=… STRIPE_JS_URL=https://js.stripe.com/v3/ SHOP_RESOURCE=cabin SHOP_PORT=8500 \
 *     node scripts/run.js examples/shop/server.ts
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHoldfastClient, HoldfastError } from '../../temporal/holdfast-client.ts';
import type { NewBooking } from '../../temporal/holdfast-client.ts';

const { env } = process;
const apiUrl = env['API_URL'] ?? 'http://127.0.0.1:8400';
const stripeJsUrl = env['STRIPE_JS_URL'] ?? 'https://js.stripe.com/v3/';
const resourceId = env['SHOP_RESOURCE'] ?? 'cabin';
const holdfast = createHoldfastClient({
  apiUrl,
  apiKey: env['API_KEY'] ?? 'hf_demo_loopback-only',
});

const DAY_MS = 86_400_000;
const SHOWN_DAYS = 120;
const MAX_BODY_BYTES = 10_000;

interface Reply {
  status: number;
  type: string;
  body: string;
}

/** What the page may ask of its own backend. Nothing here lets it choose a price or a resource. */
async function answer(request: IncomingMessage): Promise<Reply> {
  const path = new URL(request.url ?? '/', 'http://shop').pathname;
  const asked = `${request.method} ${path}`;
  const file = FILES[asked];
  if (file) return { status: 200, type: file.type, body: file.text };
  if (asked === 'GET /nights') return json(200, await nights());
  if (asked === 'POST /bookings') return hold(request);
  if (CUSTOMERS.includes(asked)) return passOn(request, path);
  return json(404, { title: 'Not here', detail: 'The shop has no such page.' });
}

async function nights() {
  const from = new Date().toISOString();
  const to = new Date(Date.now() + SHOWN_DAYS * DAY_MS).toISOString();
  return holdfast.resources.availability(resourceId, { from, to, as: 'nights' });
}

/** Holds the stay and gives the page the token of this one booking, and no more. */
async function hold(request: IncomingMessage): Promise<Reply> {
  const { arrivalDay, departureDay, expectedAmount, name } = (await bodyOf(request)) as Partial<
    NewBooking & { name: string }
  >;
  const key = request.headers['idempotency-key'];
  if (!arrivalDay || !departureDay || !expectedAmount || typeof key !== 'string')
    return json(400, { title: 'Not complete', detail: 'Choose the days first.' });
  const booking = await holdfast.bookings.create(
    {
      resourceId,
      arrivalDay,
      departureDay,
      // The price that the guest was shown: another one is refused rather than charged.
      expectedAmount,
      payment: { kind: 'browser' },
      ...(name && { guest: { name } }),
    },
    // Of one press of the button: pressed twice, or sent again, it is one booking.
    { idempotencyKey: key },
  );
  return json(201, await holdfast.bookings.customerToken(booking.id));
}

const CUSTOMERS = [
  'GET /customer/booking',
  'POST /customer/booking/cancellation-quotes',
  'POST /customer/booking/cancel',
  'POST /customer/booking/reschedule-quotes',
  'POST /customer/booking/reschedule',
];

/** The guest's own token opens these: they are passed on as they are, without our key. */
async function passOn(request: IncomingMessage, path: string): Promise<Reply> {
  const { authorization = '', 'idempotency-key': key } = request.headers;
  const isPost = request.method === 'POST';
  const response = await fetch(`${apiUrl}/v1${path}`, {
    method: isPost ? 'POST' : 'GET',
    headers: {
      authorization,
      ...(isPost && { 'content-type': 'application/json', 'idempotency-key': String(key) }),
    },
    ...(isPost && { body: JSON.stringify(await bodyOf(request)) }),
  });
  return { status: response.status, type: 'application/json', body: await response.text() };
}

async function bodyOf(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('The body is too large.');
    chunks.push(chunk);
  }
  const isJson = request.headers['content-type']?.startsWith('application/json');
  const body: unknown = isJson ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : {};
  return typeof body === 'object' && body !== null ? body : {};
}

const json = (status: number, body: unknown): Reply => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
});

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const FILES: Record<string, { type: string; text: string }> = {
  'GET /': { type: 'text/html', text: read('shop.html').replace('{{stripe}}', stripeJsUrl) },
  'GET /shop.js': { type: 'text/javascript', text: read('shop.js') },
  'GET /stay-picker.js': { type: 'text/javascript', text: read('stay-picker.js') },
  'GET /shop.css': { type: 'text/css', text: read('shop.css') },
};

// Source: Stripe's guide "Content Security Policy" for Stripe.js.
const { origin } = new URL(stripeJsUrl);
const stripeHosts = `${origin} https://*.js.stripe.com https://api.stripe.com https://hooks.stripe.com`;
const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': [
    "default-src 'none'",
    `script-src 'self' ${origin} https://*.js.stripe.com`,
    "style-src 'self' 'unsafe-inline'",
    `connect-src 'self' ${stripeHosts}`,
    `frame-src ${stripeHosts}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; '),
};

/** A refusal of Holdfast goes on to the page with its words, which say what to do. */
function refusal(error: unknown): Reply {
  if (error instanceof HoldfastError && error.status > 0) {
    const { status, type, title, detail, more } = error;
    return json(status, { ...more, type, title, detail });
  }
  console.error(error);
  return json(503, { title: 'Not now', detail: 'The shop cannot be reached. Try again.' });
}

const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  void answer(request)
    .catch(refusal)
    .then(({ status, type, body }) => {
      response.writeHead(status, { ...HEADERS, 'content-type': `${type}; charset=utf-8` });
      response.end(body);
    });
});
server.listen(Number(env['SHOP_PORT'] ?? 8500), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${port}` }));
});
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));
