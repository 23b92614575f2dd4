import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Stripe } from 'stripe';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createStripeProvider } from '../../src/payments/stripe.ts';
import { openStripeBench } from './stripe-bench.ts';
import type { StripeBench } from './stripe-bench.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const SECRET = 'whsec_of_this_account';
const provider = createStripeProvider({ timeoutMs: 1_000 });

const eventText = (object: Record<string, unknown>): string =>
  JSON.stringify({ id: 'evt_1', object: 'event', type: 'some.event', data: { object } });

function signed(payload: string, { secret = SECRET, offSeconds = 0 } = {}): string {
  const timestamp = NOW / 1000 + offSeconds;
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}

const verify = (payload: string, signature: string | undefined) =>
  provider.verifyWebhook({
    rawBody: Buffer.from(payload),
    signature,
    webhookSecret: SECRET,
    nowAt: NOW,
  });

describe('a webhook from Stripe', () => {
  const payload = eventText({ object: 'payment_intent', id: 'pi_1' });
  const unauthorized = expect.objectContaining({ name: 'Failure', kind: 'unauthorized' });

  test('with a good signature names the event and its intent', () => {
    const event = { eventId: 'evt_1', type: 'some.event', intentId: 'pi_1' };
    expect(verify(payload, signed(payload))).toEqual({ ...event, dispute: null });
  });

  test('about a charge, refund or dispute names the intent that it belongs to', () => {
    const charge = eventText({ object: 'charge', id: 'ch_1', payment_intent: 'pi_2' });
    expect(verify(charge, signed(charge)).intentId).toBe('pi_2');
    const other = eventText({ object: 'customer', id: 'cus_1' });
    expect(verify(other, signed(other)).intentId).toBeNull();
  });

  test('is taken while its secret is replaced, when two signatures come', () => {
    const other = signed(payload, { secret: 'whsec_new' }).split(',')[1]!;
    expect(verify(payload, `${signed(payload)},${other}`).eventId).toBe('evt_1');
  });

  test.each([
    ['without a signature', undefined],
    ['with an empty signature', ''],
    ['with nonsense', 'nonsense'],
    ['with a signature of another secret', signed(payload, { secret: 'whsec_other' })],
    ['that is too old', signed(payload, { offSeconds: -302 })],
    ['from the future', signed(payload, { offSeconds: 302 })],
    ['with a timestamp that is none', signed(payload).replace(/t=\d+/, 't=abc')],
    ['with another timestamp', signed(payload).replace(/t=\d+/, `t=${NOW / 1000 + 1}`)],
    ['with an unknown scheme only', signed(payload).replace('v1=', 'v0=')],
  ])('%s is refused', (_name, signature) => {
    expect(() => verify(payload, signature)).toThrow(unauthorized);
  });

  test('whose body was changed is refused', () => {
    expect(() => verify(payload.replace('pi_1', 'pi_2'), signed(payload))).toThrow(unauthorized);
  });

  test('within five minutes either way is taken', () => {
    for (const offSeconds of [-299, 299])
      expect(verify(payload, signed(payload, { offSeconds })).eventId).toBe('evt_1');
  });

  test('that is signed and yet no event is invalid', () => {
    const invalid = expect.objectContaining({ kind: 'invalid', code: 'unreadable-event' });
    for (const text of ['not json', '{}', 'null'])
      expect(() => verify(text, signed(text))).toThrow(invalid);
  });
});

describe('webhooks as the emulated Stripe sends them', () => {
  let bench: StripeBench;
  const received: { body: Buffer; signature: string | undefined }[] = [];
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const signature = req.headers['stripe-signature'] as string | undefined;
      received.push({ body: Buffer.concat(chunks), signature });
      res.end();
    });
  });
  beforeAll(async () => {
    bench = await openStripeBench();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const webhook = { webhookUrl: `http://127.0.0.1:${port}/in`, webhookSecret: SECRET };
    await bench.control('PUT', 'stripe/accounts/acct_1', webhook);
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await bench.close();
  });

  test('every step of a payment is told, and each message verifies', async () => {
    const intentId = await bench.booking().captured();
    const told = () =>
      received.map(({ body, signature }) =>
        provider.verifyWebhook({
          rawBody: body,
          signature,
          webhookSecret: SECRET,
          nowAt: Date.now(),
        }),
      );
    const type = 'payment_intent.succeeded';
    await vi.waitFor(() => expect(told()).toContainEqual(expect.objectContaining({ type })));
    expect(told().map((event) => event.intentId)).toEqual(told().map(() => intentId));
  });
});
