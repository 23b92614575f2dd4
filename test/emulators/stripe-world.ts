import http from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { onTestFinished } from 'vitest';
import { startEmulators } from '../../src/emulators/server.ts';

type Json = Record<string, any>; // eslint-disable-line typescript/no-explicit-any -- answers of a foreign protocol, read by hand in tests

export interface Reply {
  status: number;
  headers: Headers;
  body: Json;
}

interface Hook {
  raw: string;
  signature: string;
  event: Stripe.Event;
}

export const secretKey = 'sk_test_holdfast0001';
export const webhookSecret = 'whsec_holdfast0001';
export const accountId = 'acct_holdfast1';

export type StripeWorld = Awaited<ReturnType<typeof openStripe>>;

/** Emulators with one Stripe account, a client of Stripe's own library, and a webhook receiver. */
export async function openStripe(options: { stateDir?: string } = {}) {
  const emulators = await startEmulators(options);
  const receiver = await openReceiver();
  onTestFinished(async () => {
    await emulators.close();
    receiver.close();
  });
  const control = async (path: string, body?: unknown, method?: string): Promise<Json> => {
    const { body: answer } = await sendJson(`${emulators.url}/control${path}`, body, method);
    return answer;
  };
  const account = await control(
    `/stripe/accounts/${accountId}`,
    { secretKey, webhookUrl: receiver.url, webhookSecret },
    'PUT',
  );
  return {
    ...emulators,
    control,
    hooks: receiver.hooks,
    receiver,
    publishableKey: String(account['publishableKey']),
    stripe: client(emulators.url, secretKey),
    /** Calls the API as curl would: parameters form-encoded, a secret key. */
    call: (method: string, path: string, options: CallOptions = {}) =>
      callForm(emulators.url, { method, path, ...options }),
    ledger: async (bookingId: string): Promise<Json[]> => {
      const query = `metadata[booking_id]=${bookingId}`;
      return (await control(`/stripe/ledger?${query}`))['intents'] as Json[];
    },
  };
}

export interface CallOptions {
  params?: Record<string, string>;
  key?: string;
  authorization?: string;
  headers?: Record<string, string>;
}

async function callForm(
  url: string,
  { method, path, params, key, ...options }: CallOptions & { method: string; path: string },
): Promise<Reply> {
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: options.authorization ?? `Bearer ${secretKey}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...options.headers,
    },
    ...(params === undefined ? {} : { body: new URLSearchParams(params) }),
  });
  const body = (await response.json()) as Json;
  return { status: response.status, headers: response.headers, body };
}

export async function sendJson(url: string, body?: unknown, method?: string): Promise<Reply> {
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Json,
  };
}

export function client(url: string, key: string): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe(key, {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

/** What the library throws, as data. */
export async function refusal(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  return promise.then(
    () => {
      throw new Error('This should have been refused.');
    },
    (error: Stripe.errors.StripeError) => error,
  );
}

export const cardNow = {
  confirm: true,
  payment_method: 'pm_card_visa',
  automatic_payment_methods: { enabled: true, allow_redirects: 'never' as const },
};

export function authorization(bookingId: string, amount = 12_000) {
  return {
    amount,
    currency: 'eur',
    capture_method: 'manual' as const,
    metadata: { booking_id: bookingId },
    ...cardNow,
  };
}

async function openReceiver() {
  const hooks: Hook[] = [];
  const statuses: number[] = [];
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8');
      const signature = String(req.headers['stripe-signature']);
      hooks.push({ raw, signature, event: JSON.parse(raw) as Stripe.Event });
      res.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    hooks,
    /** Statuses of the next answers; 200 after that. */
    statuses,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
