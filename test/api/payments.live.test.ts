import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createKey } from '../../src/store/keys.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
let accounts = 0;
/** An account of tenant A, new for each test. */
let accountId: string;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  accountId = `account-${(accounts += 1)}`;
  const reply = await add(accountId, { webhookSecret: 'whsec_1' });
  if (reply.status !== 201) throw new Error(`no account: ${reply.text}`);
});

const add = (id: string, more: object = {}, key = `add-${id}`) =>
  api.ask('POST', '/v1/payment-accounts', {
    headers: { 'idempotency-key': key },
    body: { id, service: 'stripe', secretKey: 'sk_1', ...more },
  });

const eventText = (id: unknown) =>
  JSON.stringify({ id, object: 'event', type: 'some.event', data: { object: {} } });

/** A webhook as the emulated Stripe signs it. */
function tell(
  account: string,
  { id = 'evt_1' as unknown, secret = 'whsec_1', offSeconds = 0, signed = true } = {},
) {
  const text = eventText(id);
  const timestamp = Math.floor(Date.now() / 1_000) + offSeconds;
  const digest = createHmac('sha256', secret).update(`${timestamp}.${text}`).digest('hex');
  return api.ask('POST', `/v1/payment-webhooks/${account}`, {
    key: null,
    body: text,
    headers: {
      'content-type': 'application/json',
      ...(signed ? { 'stripe-signature': `t=${timestamp},v1=${digest}` } : {}),
    },
  });
}

const recorded = async () =>
  (await api.database.prisma.paymentEvent.findMany({ where: { paymentAccountId: accountId } })).map(
    (one) => one.eventId,
  );

test('a signed event is recorded once, however often it comes', async () => {
  expect((await tell(`a/${accountId}`)).status).toBe(200);
  expect((await tell(`a/${accountId}`)).status).toBe(200);
  expect((await tell(`a/${accountId}`, { id: 'evt_2', offSeconds: -290 })).status).toBe(200);
  expect((await recorded()).toSorted()).toEqual(['evt_1', 'evt_2']);
});

test.each([
  ['that is not signed', { signed: false }],
  ['signed with another secret', { secret: 'whsec_other' }],
  ['that is too old', { offSeconds: -310 }],
  ['from the future', { offSeconds: 310 }],
])('an event %s is refused and not recorded', async (_name, given) => {
  const reply = await tell(`a/${accountId}`, given);
  expect(reply.body).toMatchObject({ status: 401, type: '/problems/signature-refused' });
  expect(await recorded()).toEqual([]);
});

test('who has no secret cannot learn which tenants and accounts exist', async () => {
  await add('without-secret', { webhookSecret: null });
  const known = await tell(`a/${accountId}`, { secret: 'whsec_guessed' });
  for (const account of ['a/none', 'nobody/none', `b/${accountId}`, 'a/without-secret']) {
    const reply = await tell(account, { secret: 'whsec_guessed' });
    expect(reply.status).toBe(known.status);
    expect({ ...reply.body, instance: '' }).toEqual({ ...known.body, instance: '' });
    const names = [...reply.headers.keys()];
    expect(names).toEqual([...known.headers.keys()]);
  }
  // No secret is not an empty one.
  expect((await tell('a/without-secret', { secret: 'null' })).status).toBe(401);
});

test('an event whose id is no id is refused although it is signed', async () => {
  for (const id of ['evt\u0000', 'x'.repeat(256), ''])
    expect((await tell(`a/${accountId}`, { id })).body).toMatchObject({ status: 400 });
  expect(await recorded()).toEqual([]);
});

const patch = (body: object, key = api.keys.a) =>
  api.ask('PATCH', `/v1/payment-accounts/${accountId}`, { body, key });

const secretsOf = async () => {
  const where = { tenantId_id: { tenantId: 'a', id: accountId } };
  const { sealed } = await api.database.prisma.paymentAccount.findUniqueOrThrow({ where });
  return JSON.parse(api.deps.vault.open(['a', 'payment_account', accountId], sealed)) as object;
};

test('a rolled key is replaced alone, and what was before it opens nothing', async () => {
  const reply = await patch({ webhookSecret: 'whsec_2' });
  expect(reply.status).toBe(200);
  expect(reply.body).toMatchObject({ id: accountId, service: 'stripe' });
  expect((await tell(`a/${accountId}`)).status).toBe(401);
  expect((await tell(`a/${accountId}`, { secret: 'whsec_2' })).status).toBe(200);
  await patch({ secretKey: 'sk_2' });
  const kept = {
    secretKey: 'sk_2',
    publishableKey: null,
    webhookSecret: 'whsec_2',
    connectedAccount: null,
  };
  expect(await secretsOf()).toEqual(kept);
  expect((await patch({ webhookSecret: null })).status).toBe(200);
  expect(await secretsOf()).toEqual({ ...kept, webhookSecret: null });
});

test('a replacement names in the journal what was replaced and never by what', async () => {
  await Promise.all([
    patch({ secretKey: 'sk_new' }),
    patch({ secretKey: 'sk_new', webhookSecret: 'whsec_new' }),
  ]);
  const { rows } = await api.database.pool.query<{ seq: string; type: string; data: object }>(
    'SELECT seq, type, data FROM journal WHERE subject = $1 ORDER BY seq',
    [`payment-account/${accountId}`],
  );
  expect(rows.map((one) => Number(one.seq))).toEqual([1, 2, 3]);
  expect(rows.slice(1).map((one) => one.type)).toEqual(
    Array.from({ length: 2 }, () => 'payment-account.changed'),
  );
  expect(rows.map((one) => one.data)).toContainEqual({ replaced: ['secretKey', 'webhookSecret'] });
  const everything = await api.database.pool.query<{ row: string }>(
    `SELECT journal::text AS row FROM journal
      UNION ALL SELECT payment_account::text FROM payment_account
      UNION ALL SELECT idempotency::text FROM idempotency`,
  );
  expect(everything.rows.map((one) => one.row).join()).not.toMatch(/sk_|whsec_/);
});

test('a replacement needs something to replace, an account that exists, and the scope admin', async () => {
  expect((await patch({})).body.type).toBe('/problems/invalid-request');
  expect((await patch({ secretKey: null })).body.type).toBe('/problems/invalid-request');
  expect((await patch({ secretKey: 'sk_b' }, api.keys.b)).status).toBe(404);
  const scopes = ['payments:write', 'bookings:write'];
  const key = await createKey(api.database, { tenantId: 'a', label: 't', scopes });
  expect((await patch({ secretKey: 'sk_x' }, key)).status).toBe(403);
});

test('an id that is taken is told as such, under a new key too, and nothing is overwritten', async () => {
  const reply = await add(accountId, { secretKey: 'sk_other' }, 'another-key');
  expect(reply.body).toMatchObject({ status: 409, type: '/problems/already-exists' });
  expect(await secretsOf()).toMatchObject({ secretKey: 'sk_1' });
  expect((await add(accountId, { webhookSecret: 'whsec_1' })).status).toBe(201);
});

async function holdOf(resourceId: string) {
  const price = { per: 'booking', amountMinor: 5_000, currency: 'eur' };
  await makeResource(api, { id: resourceId, settings: { price } });
  const { body } = await api.ask('POST', '/v1/bookings', {
    headers: { 'idempotency-key': `book-${resourceId}` },
    body: {
      resourceId,
      startAt: '2031-03-01T10:00:00Z',
      endAt: '2031-03-01T12:00:00Z',
      payment: { kind: 'external' },
    },
  });
  return `/v1/bookings/${body.id}`;
}

test('who may book cannot say that the money came; who may say so confirms the booking', async () => {
  const path = await holdOf('confirmed');
  const keyWith = (...scopes: string[]) =>
    createKey(api.database, { tenantId: 'a', label: 't', scopes });
  const body = { reference: 'Invoice 2031/0042 #a' };
  const booker = await keyWith('availability:read', 'bookings:write', 'connections:write');
  const refused = await api.ask('POST', `${path}/confirm`, { key: booker, body });
  expect(refused.body).toMatchObject({ status: 403, scopes: ['payments:write'] });
  expect((await api.ask('GET', path)).body.state).toBe('held');
  const key = await keyWith('payments:write');
  const done = await api.ask('POST', `${path}/confirm`, { key, body });
  expect(done.body).toMatchObject({ state: 'confirmed', payment: { capturedMinor: 5_000 } });
  expect((await api.ask('POST', `${path}/confirm`, { key, body })).body).toEqual(done.body);
  const payment = await api.database.prisma.payment.findFirstOrThrow({
    where: { reference: body.reference },
  });
  expect(payment.bookingId).toBe(done.body.id);
});

test('the reference of an external payment is a machine reference', async () => {
  const path = await holdOf('reference');
  const asked = api.commands.asked.length;
  for (const reference of ['', ' x', 'a\u0000b', 'a\nb', 'Zoë', 'x'.repeat(101)]) {
    const reply = await api.ask('POST', `${path}/confirm`, { body: { reference } });
    expect(reply.body).toMatchObject({ status: 400, errors: [{ pointer: '/reference' }] });
  }
  expect(api.commands.asked).toHaveLength(asked);
});
