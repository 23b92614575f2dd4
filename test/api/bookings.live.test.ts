import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey } from '../../src/store/keys.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';
import { fakeCommands } from '../support/fake-commands.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const span = (day: number) => ({
  startAt: `2031-03-${String(day).padStart(2, '0')}T10:00:00Z`,
  endAt: `2031-03-${String(day).padStart(2, '0')}T12:00:00Z`,
});

const bookOn =
  (on: TestApi) =>
  (key: string, body: object, headers: Record<string, string> = {}) =>
    on.ask('POST', '/v1/bookings', {
      headers: { 'idempotency-key': key, ...headers },
      body: { payment: { kind: 'none' }, ...body },
    });
const book = (...asked: Parameters<ReturnType<typeof bookOn>>) => bookOn(api)(...asked);

test('a booking answers with its hold', async () => {
  await makeResource(api, { id: 'hold' });
  const reply = await book('hold-1', { resourceId: 'hold', ...span(1) });
  expect(reply.status).toBe(201);
  expect(reply.body).toMatchObject({ state: 'held', units: [1], payment: { kind: 'none' } });
  expect(reply.headers.get('location')).toBe(`/v1/bookings/${reply.body.id}`);
  const read = await api.ask('GET', `/v1/bookings/${reply.body.id}`);
  expect(read.body).toEqual({ ...reply.body, guest: null, mirrors: [], conflicts: [] });
});

test('a clear no answers with the nearest spans and starts no workflow', async () => {
  await makeResource(api, { id: 'gate' });
  await book('gate-1', { resourceId: 'gate', ...span(1) });
  const before = api.commands.started.length;
  const reply = await book('gate-2', { resourceId: 'gate', ...span(1) });
  expect(reply.body).toMatchObject({
    status: 409,
    type: '/problems/not-available',
    refusal: 'taken',
    nearest: [
      { startAt: '2031-03-01T08:00:00.000Z', endAt: '2031-03-01T10:00:00.000Z' },
      { startAt: '2031-03-01T12:00:00.000Z', endAt: '2031-03-01T14:00:00.000Z' },
    ],
  });
  expect(api.commands.started).toHaveLength(before);
});

test('rules refuse before anything is asked of the ledger', async () => {
  const opening = [{ days: ['mon'], from: '08:00', to: '09:00' }];
  await makeResource(api, { id: 'rules', settings: { opening } });
  const closed = await book('rules-1', { resourceId: 'rules', ...span(1) });
  expect(closed.body).toMatchObject({ type: '/problems/not-bookable', refusal: 'closed' });
  await makeResource(api, { id: 'small', capacity: 2 });
  const large = await book('rules-2', { resourceId: 'small', party: 3, ...span(1) });
  expect(large.body).toMatchObject({ type: '/problems/not-bookable', refusal: 'too-large' });
  const past = { startAt: '2020-01-01T00:00:00Z', endAt: '2020-01-02T00:00:00Z' };
  const late = await book('rules-3', { resourceId: 'small', ...past });
  expect(late.body).toMatchObject({ type: '/problems/not-bookable', refusal: 'too-soon' });
  expect((await book('rules-4', { resourceId: 'nowhere', ...span(1) })).status).toBe(404);
});

test('of 300 rivals over HTTP exactly the capacity win, and few workflows start', async () => {
  // The service is quicker after the first crowd, and a crowd more even.
  for (const day of [1, 2, 3, 4]) {
    const id = `rivals-${day}`;
    await makeResource(api, { id, capacity: 3 });
    const before = api.commands.started.length;
    const replies = await Promise.all(
      Array.from({ length: 300 }, (_, n) => book(`${id}-${n}`, { resourceId: id, ...span(day) })),
    );
    const won = replies.filter((one) => one.status === 201);
    expect(won).toHaveLength(3);
    expect(new Set(won.flatMap((one) => one.body.units as number[]))).toEqual(new Set([1, 2, 3]));
    expect(replies.filter((one) => one.body.refusal === 'taken')).toHaveLength(297);
    expect(api.commands.started.length - before).toBeLessThanOrEqual(50);
  }
});

test('a repeated booking is answered by its row, a changed one is refused, twins are one', async () => {
  await makeResource(api, { id: 'twins' });
  const asked = { resourceId: 'twins', ...span(1) };
  const answers = await Promise.all(Array.from({ length: 8 }, () => book('twin', asked)));
  expect(new Set(answers.map((one) => one.status))).toEqual(new Set([201]));
  expect(new Set(answers.map((one) => one.body.id)).size).toBe(1);
  const again = await book('twin', asked);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toEqual(answers[0]!.body);
  const other = await book('twin', { ...asked, ...span(2) });
  expect(other.body).toMatchObject({ status: 422, type: '/problems/idempotency-mismatch' });
});

test('a second payload under one key cannot change what the first one pays with', async () => {
  await makeResource(api, { id: 'draft', settings: { price: eur(5_000) } });
  await addPaymentAccount();
  const pay = (paymentMethod: string) => ({ kind: 'method', paymentMethod });
  const asked = { resourceId: 'draft', ...span(1) };
  const replies = await Promise.all([
    book('drafts', { ...asked, payment: pay('pm_one') }),
    book('drafts', { ...asked, payment: pay('pm_two') }),
  ]);
  expect(new Set(replies.map((one) => one.status))).toEqual(new Set([201, 422]));
  const winner = replies.findIndex((one) => one.status === 201);
  const { bookingId } = api.commands.started.at(-1)!;
  const draft = await api.database.prisma.bookingDraft.findFirstOrThrow({ where: { bookingId } });
  const place = ['a', 'booking_draft.payment', bookingId] as const;
  expect(api.deps.vault.open(place, draft.payment!)).toBe(['pm_one', 'pm_two'][winner]);
});

const eur = (amountMinor: number) => ({ per: 'booking', amountMinor, currency: 'EUR' });

async function addPaymentAccount() {
  const reply = await api.ask('POST', '/v1/payment-accounts', {
    headers: { 'idempotency-key': 'payment-account' },
    body: { id: 'main', service: 'stripe', secretKey: 'sk_test_1', webhookSecret: 'whsec_1' },
  });
  expect(reply.status).toBe(201);
  expect(reply.text).not.toMatch(/sk_test|whsec/);
}

test('payment and price must fit each other, and an expected price must be the price', async () => {
  await makeResource(api, { id: 'priced', settings: { price: eur(5_000) } });
  await makeResource(api, { id: 'free' });
  const ask = (key: string, body: object) => book(`price-${key}`, { ...span(1), ...body });
  const none = await ask('1', { resourceId: 'priced' });
  expect(none.body).toMatchObject({ status: 422, price: { amountMinor: 5_000, currency: 'eur' } });
  const paid = await ask('2', { resourceId: 'free', payment: { kind: 'external' } });
  expect(paid.body.type).toBe('/problems/payment-unsuitable');
  const expectedAmount = { amountMinor: 4_000, currency: 'eur' };
  const external = { resourceId: 'priced', payment: { kind: 'external' } };
  const other = await ask('3', { ...external, expectedAmount });
  expect(other.body).toMatchObject({
    type: '/problems/price-changed',
    price: { amountMinor: 5_000 },
  });
  const right = { amountMinor: 5_000, currency: 'EUR' };
  expect((await ask('4', { ...external, expectedAmount: right })).body.amountMinor).toBe(5_000);
});

test('a price of the caller needs a key that may state it', async () => {
  await makeResource(api, { id: 'stated' });
  const price = { amountMinor: 100, currency: 'eur' };
  const body = { resourceId: 'stated', ...span(1), price, payment: { kind: 'external' } };
  const key = await createKey(api.database, {
    tenantId: 'a',
    label: 't',
    scopes: ['bookings:write'],
  });
  const headers = { 'idempotency-key': 'stated-1' };
  expect((await api.ask('POST', '/v1/bookings', { key, headers, body })).status).toBe(403);
  expect((await book('stated-1', body)).body).toMatchObject({ amountMinor: 100, currency: 'eur' });
});

test('a guest is sealed at rest, shown to keys that may book, and erased for good', async () => {
  await makeResource(api, { id: 'guest' });
  const guest = { name: 'Ada Rossi', contact: 'ada@example.com', metadata: { room: 'blue' } };
  const { body } = await book('guest-1', { resourceId: 'guest', ...span(1), guest });
  expect(body).not.toHaveProperty('guest');
  const path = `/v1/bookings/${body.id}`;
  expect((await api.ask('GET', path)).body.guest).toEqual(guest);
  const { rows } = await api.database.pool.query<{ row: string }>(
    'SELECT booking::text AS row FROM booking',
  );
  expect(rows.map((one) => one.row).join()).not.toContain('Ada');
  const scopes = ['journal:read'];
  const reader = await createKey(api.database, { tenantId: 'a', label: 't', scopes });
  expect((await api.ask('GET', path, { key: reader })).body.guest).toBeNull();
  expect((await api.ask('DELETE', `${path}/guest`)).status).toBe(204);
  expect((await api.ask('DELETE', `${path}/guest`)).status).toBe(204);
  expect((await api.ask('GET', path)).body.guest).toBeNull();
});

test('Prefer: wait answers 201 with how it ended, at most 30 seconds later', async () => {
  const waits: number[] = [];
  const waiting = await startApi();
  const commands = fakeCommands(waiting.database, {
    async awaitBooking({ tenantId, bookingId }, timeoutMs) {
      waits.push(timeoutMs);
      const release = 'SELECT release_booking($1, $2, $3, $4)';
      await waiting.database.pool.query(release, [
        tenantId,
        bookingId,
        'declined',
        'card_declined',
      ]);
    },
  });
  Object.assign(waiting.commands, commands);
  await makeResource(waiting, { id: 'wait' });
  const asked = { resourceId: 'wait', ...span(1) };
  const reply = await bookOn(waiting)('wait-1', asked, { prefer: 'respond-async, wait=99' });
  expect(reply.status).toBe(201);
  expect(reply.body).toMatchObject({ state: 'declined', reason: 'card_declined' });
  expect(reply.headers.get('preference-applied')).toBe('wait=30');
  expect(waits).toEqual([30_000]);
  await waiting.close();
});

test('a workflow service that fails is 503, and the same key books later', async () => {
  let away = true;
  const failing = await startApi();
  Object.assign(failing.commands, {
    startBooking: (input: Parameters<typeof holdUnits>[1]) =>
      away ? Promise.reject(new Error('away')) : holdUnits(failing.database.pool, input),
  });
  await makeResource(failing, { id: 'away' });
  const asked = { resourceId: 'away', ...span(1) };
  const first = await bookOn(failing)('away-1', asked);
  expect(first.body).toMatchObject({ status: 503, type: '/problems/unavailable' });
  expect(first.headers.get('retry-after')).toBe('2');
  away = false;
  expect((await bookOn(failing)('away-1', asked)).status).toBe(201);
  await failing.close();
});

test('a list pages through every booking once, in order, and filters', async () => {
  await makeResource(api, { id: 'paged', capacity: 7 });
  for (let n = 0; n < 7; n += 1) await book(`paged-${n}`, { resourceId: 'paged', ...span(1) });
  const seen: string[] = [];
  let next: string | null = null;
  do {
    const after: string = next === null ? '' : `&after=${next}`;
    const page = await api.ask('GET', `/v1/bookings?resourceId=paged&state=held&limit=3${after}`);
    seen.push(...page.body.items.map((one: { id: string }) => one.id));
    next = page.body.next;
  } while (next !== null);
  expect(new Set(seen).size).toBe(7);
  expect(seen).toHaveLength(7);
  expect(
    (await api.ask('GET', '/v1/bookings?resourceId=paged&state=confirmed')).body.items,
  ).toEqual([]);
});

test('cancelling gives the span back, and cancelling again changes nothing', async () => {
  await makeResource(api, { id: 'cancel' });
  const asked = { resourceId: 'cancel', ...span(1) };
  const { body } = await book('cancel-1', asked);
  const cancel = (key: string) =>
    api.ask('POST', `/v1/bookings/${body.id}/cancel`, {
      body: {},
      headers: { 'idempotency-key': key },
    });
  expect((await cancel('c-1')).body).toMatchObject({ state: 'cancelled', reason: 'requested' });
  expect((await cancel('c-2')).body.state).toBe('cancelled');
  expect((await book('cancel-2', asked)).status).toBe(201);
  const confirm = await api.ask('POST', `/v1/bookings/${body.id}/confirm`, {
    body: { reference: 'x' },
  });
  expect(confirm.body.type).toBe('/problems/not-awaiting-confirmation');
});

test('a resource with bookings to come cannot be archived; an emptied one can, and books no more', async () => {
  await makeResource(api, { id: 'archive' });
  const { body } = await book('archive-1', { resourceId: 'archive', ...span(1) });
  const archive = () => api.ask('DELETE', '/v1/resources/archive');
  expect((await archive()).body.type).toBe('/problems/in-use');
  const headers = { 'idempotency-key': 'archive-c' };
  await api.ask('POST', `/v1/bookings/${body.id}/cancel`, { body: {}, headers });
  expect((await archive()).status).toBe(204);
  expect((await archive()).status).toBe(204);
  expect((await book('archive-2', { resourceId: 'archive', ...span(2) })).status).toBe(404);
});
