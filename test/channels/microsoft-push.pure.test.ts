import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Hint } from '../../src/channels/channel-provider.ts';
import { receive } from '../../src/channels/microsoft/notifications.ts';
import { createMicrosoftProvider } from '../../src/channels/microsoft/provider.ts';
import { hourOn } from '../laws/bench.ts';
import { openMicrosoftBench } from '../laws/microsoft-bench.ts';
import type { MicrosoftBench } from '../laws/microsoft-bench.ts';

const inbound = (body: unknown, query: Record<string, string> = {}) =>
  receive({
    headers: {},
    query,
    rawBody: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  });

describe('the handshake', () => {
  test('echoes the token exactly, as plain text that nobody sniffs', () => {
    const token = 'Validation: Testing client & more é %2B+"\'';
    const { reply, hints } = inbound('', { validationToken: token });
    expect(reply).toEqual({
      status: 200,
      headers: { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' },
      body: token,
    });
    expect(hints).toEqual([]);
  });

  test('refuses what could be markup', () => {
    const { reply } = inbound('', { validationToken: 'x<script>' });
    expect(reply).toEqual({ status: 400 });
  });
});

describe('a batch of notifications', () => {
  const changed = (clientState: unknown, rest: Record<string, unknown> = {}) => ({
    subscriptionId: '001e983b-b220-4d71-322e-dc4c9b7b62ae',
    changeType: 'updated',
    clientState,
    resource: 'Users/x/Events/y',
    ...rest,
  });

  test('is handled whole: of many subscriptions, each said once', () => {
    const value = [
      ...Array.from({ length: 50 }, () => changed('watch-1.secret-1')),
      changed('watch-2.secret-2'),
      changed('watch-1.wrong'),
    ];
    const { reply, hints } = inbound({ value });
    expect(reply).toEqual({ status: 202 });
    expect(hints.map(({ watchId, secret, kind }) => [watchId, secret, kind])).toEqual([
      ['watch-1', 'secret-1', 'changed'],
      ['watch-2', 'secret-2', 'changed'],
      ['watch-1', 'wrong', 'changed'],
    ]);
    expect(hints[0]!.nativeId).toBe('001e983b-b220-4d71-322e-dc4c9b7b62ae');
  });

  test.each([
    ['reauthorizationRequired', 'renew'],
    ['subscriptionRemoved', 'lost'],
    ['missed', 'changed'],
    ['somethingNew', 'changed'],
  ])('a lifecycle notification %s is the hint %s', (lifecycleEvent, kind) => {
    const { hints } = inbound({ value: [changed('w.s', { lifecycleEvent })] });
    expect(hints).toMatchObject([{ watchId: 'w', secret: 's', kind }]);
  });

  test('with parts that are not ours is acknowledged, and only what is ours counts', () => {
    const long = `w.${'s'.repeat(127)}`;
    const parts = [null, 'x', {}, changed(null), changed('nodot'), changed('.s'), changed(long)];
    const { reply, hints } = inbound({ value: [...parts, changed('w.s')] });
    expect(reply).toEqual({ status: 202 });
    expect(hints).toHaveLength(1);
  });

  test.each(['', '[]', 'null', '{"value":{}}', '{"value"', '<xml/>'])('%j is none', (body) => {
    expect(inbound(body)).toEqual({ reply: { status: 400 }, hints: [] });
  });
});

describe('subscriptions', () => {
  let bench: MicrosoftBench;
  beforeAll(async () => {
    bench = await openMicrosoftBench();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.takePosition({ name: 'usual', switches: {} }));

  const HOUR_MS = 3_600_000;
  const wanted = (address: string, ttlMs = HOUR_MS) => ({
    watchId: crypto.randomUUID(),
    secret: crypto.randomUUID(),
    address,
    ttlMs,
  });

  test('a notification that comes before the subscribe call returns is known already', async () => {
    await bench.control('PUT', 'switches', { 'microsoft.notifyBeforeSubscribeAnswer': true });
    await using inbox = await openInbox();
    const at = await bench.newCalendar();
    await bench.seedEvents(at, [hourOn(1)]);
    const input = wanted(inbox.address);
    const watching = bench.provider.watch({ ...at, ...input });
    const watch = await watching;
    const { watchId, secret } = input;
    expect(inbox.hints).toContainEqual(expect.objectContaining({ watchId, secret }));
    await bench.provider.unwatch({ ...at, watch });
  });

  test('lifecycle notifications come to the same address, with the same secret', async () => {
    await using inbox = await openInbox();
    const at = await bench.newCalendar();
    const input = wanted(inbox.address);
    const watch = await bench.provider.watch({ ...at, ...input });
    for (const event of ['reauthorizationRequired', 'missed', 'subscriptionRemoved'])
      await bench.control('POST', `microsoft/subscriptions/${watch.nativeId}/lifecycle`, { event });
    await vi.waitFor(() => expect(inbox.hints).toHaveLength(3));
    expect(inbox.hints.map(({ kind }) => kind)).toEqual(['renew', 'changed', 'lost']);
    for (const hint of inbox.hints) expect(hint.secret).toBe(input.secret);
  });

  test('is extended in place, and a lost one cannot be', async () => {
    await using inbox = await openInbox();
    const at = await bench.newCalendar();
    const watch = await bench.provider.watch({ ...at, ...wanted(inbox.address) });
    const renewed = await bench.provider.renew({ ...at, watch, ttlMs: 5 * HOUR_MS });
    expect(renewed).toMatchObject({ watchId: watch.watchId, nativeId: watch.nativeId });
    expect(Date.parse(renewed.expiresAt) - Date.parse(watch.expiresAt)).toBeGreaterThan(
      3 * HOUR_MS,
    );
    await bench.control('POST', 'microsoft/subscriptions/expire', { id: watch.nativeId });
    const again = bench.provider.renew({ ...at, watch, ttlMs: HOUR_MS });
    await expect(again).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('never lives longer than every document allows, unless told so', async () => {
    await using inbox = await openInbox();
    const at = await bench.newCalendar();
    const week = 7 * 24 * HOUR_MS;
    const watch = await bench.provider.watch({ ...at, ...wanted(inbox.address, week) });
    const lifeMs = Date.parse(watch.expiresAt) - Date.now();
    expect(Math.round(lifeMs / 60_000)).toBe(4_200);
    const bold = createMicrosoftProvider({ ...bench.settings, maxSubscriptionMs: 10_000 * 60_000 });
    const renewed = await bold.renew({ ...at, watch, ttlMs: week });
    expect(Math.round((Date.parse(renewed.expiresAt) - Date.now()) / 60_000)).toBe(10_000);
    await bench.provider.unwatch({ ...at, watch });
  });

  test('ids in notifications are those of the feed', async () => {
    await using inbox = await openInbox();
    const at = await bench.newCalendar();
    const watch = await bench.provider.watch({ ...at, ...wanted(inbox.address) });
    const [id] = await bench.seedEvents(at, [hourOn(1)]);
    await vi.waitFor(() => expect(inbox.bodies.join('')).toContain(id));
    await bench.provider.unwatch({ ...at, watch });
  });

  test('a shared calendar refuses, and no consent is blamed for it', async () => {
    await using inbox = await openInbox();
    for (const sharedRefusal of ['ErrorAccessDenied', 'ErrorItemNotFound', 'ErrorInvalidRequest']) {
      await bench.control('PUT', 'switches', { 'microsoft.sharedRefusal': sharedRefusal });
      const at = await bench.newCalendar();
      const path = `microsoft/calendars/${encodeURIComponent(at.calendar.id)}`;
      await bench.control('PUT', path, { sharedBy: 'colleague@example.com' });
      const watching = bench.provider.watch({ ...at, ...wanted(inbox.address) });
      await expect(watching).rejects.toMatchObject({ kind: 'invalid', code: sharedRefusal });
    }
  });

  test('an address that does not answer the handshake is an invalid one', async () => {
    const at = await bench.newCalendar();
    const watching = bench.provider.watch({ ...at, ...wanted('http://127.0.0.1:9/in') });
    await expect(watching).rejects.toMatchObject({ kind: 'invalid' });
  });

  test('a second subscription to the same calendar is a conflict', async () => {
    await using inbox = await openInbox();
    const at = await bench.newCalendar();
    const watch = await bench.provider.watch({ ...at, ...wanted(inbox.address) });
    const second = bench.provider.watch({ ...at, ...wanted(inbox.address) });
    await expect(second).rejects.toMatchObject({ kind: 'conflict' });
    await bench.provider.unwatch({ ...at, watch });
  });

  test('a state that Graph would cut is not sent', async () => {
    const at = await bench.newCalendar();
    const input = { ...wanted('http://127.0.0.1:9/in'), secret: 's'.repeat(100) };
    const watching = bench.provider.watch({ ...at, ...input });
    await expect(watching).rejects.toMatchObject({ code: 'client-state-unsuitable' });
  });
});

async function openInbox() {
  const hints: Hint[] = [];
  const bodies: string[] = [];
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const query = Object.fromEntries(new URL(req.url ?? '', 'http://inbox').searchParams);
      bodies.push(Buffer.concat(chunks).toString());
      const told = receive({ headers: {}, query, rawBody: Buffer.concat(chunks) });
      hints.push(...told.hints);
      res.writeHead(told.reply.status, told.reply.headers).end(told.reply.body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    hints,
    bodies,
    address: `http://127.0.0.1:${port}/in`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
