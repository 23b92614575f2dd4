import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { feedProvider, makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'one' });
});
afterAll(() => api.close());

/** What PostgreSQL keeps in no text, and what it keeps in no JSON. */
const UNFIT = { 'U+0000': 'a\u0000b', 'half a character': 'a\ud800b' };

const span = { startAt: '2031-03-01T10:00:00Z', endAt: '2031-03-01T12:00:00Z' };
const BODIES: Record<string, (bad: string) => [path: string, body: object, pointer: string]> = {
  'the name of a resource': (bad) => [
    '/v1/resources',
    { id: 'r', name: bad, timeZone: 'UTC' },
    '/name',
  ],
  'the id of a resource': (bad) => [
    '/v1/resources',
    { id: bad, name: 'R', timeZone: 'UTC' },
    '/id',
  ],
  'the address of a feed': (bad) => ['/v1/accounts', { channel: 'ical', url: bad }, '/url'],
  'a calendar': (bad) => [
    '/v1/connections',
    { resourceId: 'one', accountId: 'x', calendarId: bad },
    '/calendarId',
  ],
  'a payment method': (bad) => [
    '/v1/bookings',
    { resourceId: 'one', ...span, payment: { kind: 'method', paymentMethod: bad } },
    '/payment/paymentMethod',
  ],
  'a guest': (bad) => [
    '/v1/bookings',
    { resourceId: 'one', ...span, payment: { kind: 'none' }, guest: { name: bad } },
    '/guest/name',
  ],
  'metadata of a guest': (bad) => [
    '/v1/bookings',
    { resourceId: 'one', ...span, payment: { kind: 'none' }, guest: { metadata: { key: bad } } },
    '/guest/metadata/key',
  ],
  'a name in the metadata of a guest': (bad) => [
    '/v1/bookings',
    { resourceId: 'one', ...span, payment: { kind: 'none' }, guest: { metadata: { [bad]: '' } } },
    `/guest/metadata/${bad}`,
  ],
  'a key at a payment service': (bad) => [
    '/v1/payment-accounts',
    { id: 'p', service: 'stripe', secretKey: bad },
    '/secretKey',
  ],
};

test.each(
  Object.entries(BODIES).flatMap(([what, make]) =>
    Object.entries(UNFIT).map(([name, bad]) => ({ what, name, asked: make(bad) })),
  ),
)('$what with $name is refused by its field', async ({ asked: [path, body, pointer] }) => {
  const headers = { 'idempotency-key': 'text' };
  const reply = await api.ask('POST', path, { headers, body });
  expect({ status: reply.status, type: reply.body.type }).toEqual({
    status: 400,
    type: '/problems/invalid-request',
  });
  expect(reply.body.errors.map((one: { pointer: string }) => one.pointer)).toContain(pointer);
});

test('a query with U+0000 is refused wherever one is taken', async () => {
  const lists = ['resources', 'accounts', 'connections', 'bookings', 'payment-accounts', 'journal'];
  for (const path of [
    ...lists.map((name) => `/v1/${name}?after=a%00b`),
    '/v1/resources/one/blocks?after=a%00b',
    '/v1/connections?resourceId=a%00b',
    '/v1/resources/a%00b',
  ])
    expect([path, (await api.ask('GET', path)).status]).toEqual([path, 400]);
  const told = await api.ask('POST', '/v1/notifications/ical?watch=a%00b', { key: null });
  expect(told.body.type).toBe('/problems/invalid-request');
});

test('a page that no page led to is refused and fails nothing', async () => {
  const account = await api.ask('POST', '/v1/accounts', {
    headers: { 'idempotency-key': 'account' },
    body: { channel: 'ical', url: 'https://x.example.com/a.ics' },
  });
  const { body } = await api.ask('POST', '/v1/connections', {
    headers: { 'idempotency-key': 'connection' },
    body: { resourceId: 'one', accountId: account.body.id, calendarId: 'feed' },
  });
  const after = Buffer.from('a\u0000b').toString('base64url');
  const events = await api.ask('GET', `/v1/connections/${body.id}/events?after=${after}`);
  expect(events.body).toMatchObject({ status: 400, errors: [{ pointer: '/after' }] });
  const beyond = await api.ask('GET', `/v1/journal?after=1-${'9'.repeat(20)}-1`);
  expect(beyond.body).toMatchObject({ status: 400, errors: [{ pointer: '/after' }] });
});

test('what a channel passes on from a stranger fails nothing either', async () => {
  const other = await startApi({
    providers: new Map([
      [
        'ical',
        {
          ...feedProvider,
          receive: () => ({
            reply: { status: 202 },
            hints: [{ watchId: 'a\u0000b', secret: '', kind: 'changed' as const }],
          }),
        },
      ],
    ]),
  });
  const reply = await other.ask('POST', '/v1/notifications/ical', { key: null, body: 'x' });
  await other.close();
  expect(reply.status).toBe(202);
});

test('an Idempotency-Key with U+0000 never gets in', async () => {
  const { hostname, port } = new URL(api.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    socket.on('data', (bytes) => resolve(bytes.toString()));
    socket.on('error', reject);
    socket.end(
      `POST /v1/resources HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.keys.a}\r\n` +
        'idempotency-key: a\u0000b\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
    );
  });
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
});
