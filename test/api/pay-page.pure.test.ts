import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { payPage } from '../../src/api/pay-page.ts';
import { opensPayment, paymentLink } from '../../src/api/payment-link.ts';

const ref = { tenantId: 't', bookingId: 'b', n: 2 };
const fingerprintKey = new Uint8Array(32).fill(7);

let url: string;
let close: () => void;
beforeAll(async () => {
  const app = express().use(payPage('https://js.stripe.com/v3/'));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => void server.close();
});
afterAll(() => close());

it('a link holds what it opens behind the #, and opens one payment only', () => {
  const link = new URL(paymentLink('https://h.example', { ...ref, fingerprintKey }));
  expect(link.pathname + link.search).toBe('/pay');
  const token = link.hash.split('/').at(-1)!;
  expect(opensPayment(fingerprintKey, { ...ref, token })).toBe(true);
  const others = [
    { ...ref, n: 3, token },
    { ...ref, bookingId: 'c', token },
    { ...ref, token: '' },
    { ...ref, token: `${token}a` },
  ];
  for (const other of others) expect(opensPayment(fingerprintKey, other)).toBe(false);
  expect(opensPayment(new Uint8Array(32), { ...ref, token })).toBe(false);
});

it('the page runs our script and the payment service’s alone', async () => {
  const page = await fetch(`${url}/pay`);
  const policy = page.headers.get('content-security-policy')!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("script-src 'unsafe");
  expect(page.headers.get('referrer-policy')).toBe('no-referrer');
  const html = await page.text();
  expect(html.match(/<script[^>]*>/g)).toEqual([
    '<script src="https://js.stripe.com/v3/">',
    '<script src="/pay/pay.js" type="module">',
  ]);
  expect((await fetch(`${url}/pay/pay.js`)).headers.get('content-type')).toContain('javascript');
});
