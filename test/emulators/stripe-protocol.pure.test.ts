import { describe, expect, test } from 'vitest';
import { authorization, openStripe, refusal, secretKey } from './stripe-world.ts';
import type { StripeWorld } from './stripe-world.ts';

const INTENTS = '/v1/payment_intents';
const PARAMS = {
  amount: '1000',
  currency: 'eur',
  confirm: 'true',
  capture_method: 'manual',
  payment_method: 'pm_card_visa',
  'automatic_payment_methods[enabled]': 'true',
  'automatic_payment_methods[allow_redirects]': 'never',
  'metadata[booking_id]': 'b-1',
};

describe('keys and parameters', () => {
  test('a key works as Bearer and as Basic user; none or another is 401', async () => {
    const { call } = await openStripe();
    const basic = `Basic ${Buffer.from(`${secretKey}:`).toString('base64')}`;
    for (const authorization of [`Bearer ${secretKey}`, basic]) {
      expect((await call('GET', '/v1/account', { authorization })).status).toBe(200);
    }
    for (const authorization of ['', 'Bearer sk_test_unknown']) {
      const { status, body } = await call('GET', '/v1/account', { authorization });
      expect([status, body['error'].type]).toEqual([401, 'invalid_request_error']);
    }
  });

  test('every answer has a request id and the version that was asked for', async () => {
    const { call } = await openStripe();
    const headers = { 'stripe-version': '2024-06-20' };
    const answer = await call('GET', INTENTS, { headers });
    expect(answer.headers.get('request-id')).toMatch(/^req_\w{14}$/);
    expect(answer.headers.get('stripe-version')).toBe('2024-06-20');
    const wrong = await call('GET', INTENTS, { headers: { 'stripe-version': 'newest' } });
    expect(wrong.status).toBe(400);
  });

  test.each([
    [{ foo: '1' }, 'parameter_unknown', 'foo'],
    [
      { 'automatic_payment_methods[foo]': '1' },
      'parameter_unknown',
      'automatic_payment_methods[foo]',
    ],
    [{ amount: '' }, 'parameter_invalid_empty', 'amount'],
    [{ amount: '10.5' }, 'parameter_invalid_integer', 'amount'],
    [{ amount: '0' }, 'parameter_invalid_integer', 'amount'],
    [{ amount: '49' }, 'amount_too_small', 'amount'],
    [{ amount: '100000000' }, 'amount_too_large', 'amount'],
    [{ currency: 'zzz' }, 'parameter_invalid_currency', 'currency'],
    [{ confirm: 'yes' }, 'parameter_invalid_boolean', 'confirm'],
    [{ capture_method: 'later' }, 'parameter_invalid_enum', 'capture_method'],
    [{ 'expand[]': 'guests' }, 'property_not_expandable', 'expand'],
    [{ customer: 'cus_none' }, 'resource_missing', 'customer'],
    [{ payment_method: 'pm_none' }, 'resource_missing', 'payment_method'],
  ])('%o is refused with its own code and parameter', async (params, code, param) => {
    const { call } = await openStripe();
    const { status, body } = await call('POST', INTENTS, { params: { ...PARAMS, ...params } });
    expect([status, body['error'].code, body['error'].param]).toEqual([400, code, param]);
    expect((await call('GET', INTENTS)).body['data']).toEqual([]);
  });

  test('a missing parameter, a JSON body and an unknown address are refused', async () => {
    const { call, url } = await openStripe();
    const { body } = await call('POST', INTENTS, { params: { currency: 'eur' } });
    expect(body['error']).toMatchObject({ code: 'parameter_missing', param: 'amount' });
    const headers = { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' };
    const json = await fetch(url + INTENTS, { method: 'POST', headers, body: '{"amount":1}' });
    expect(json.status).toBe(400);
    expect((await call('GET', '/v1/nothing')).status).toBe(404);
  });

  test('confirming where the customer may be redirected needs somewhere to return to', async () => {
    const { call } = await openStripe();
    const { ['automatic_payment_methods[allow_redirects]']: _never, ...params } = PARAMS;
    expect((await call('POST', INTENTS, { params })).status).toBe(400);
    const returning = { ...params, return_url: 'https://example.test/back' };
    expect((await call('POST', INTENTS, { params: returning })).status).toBe(200);
  });
});

describe('idempotency keys', () => {
  const create = ({ call }: StripeWorld, key: string, more: Record<string, string> = {}) =>
    call('POST', INTENTS, { key, params: { ...PARAMS, ...more } });

  test('the first outcome is repeated, and says so', async () => {
    const world = await openStripe();
    const first = await create(world, 'k-1');
    const again = await create(world, 'k-1');
    expect(again.body).toEqual(first.body);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('original-request')).toBe(first.headers.get('request-id'));
    expect(await world.ledger('b-1')).toHaveLength(1);
    await world.control('/switches', { 'stripe.idempotentReplayedHeader': false }, 'PUT');
    expect((await create(world, 'k-1')).headers.get('idempotent-replayed')).toBeNull();
  });

  test('a decline is repeated too, though the card would pass now', async () => {
    const world = await openStripe();
    const card = { payment_method: 'pm_card_chargeDeclined' };
    const declined = await create(world, 'k-1', card);
    const again = await create(world, 'k-1', card);
    expect([declined.status, again.status]).toEqual([402, 402]);
    expect(again.body).toEqual(declined.body);
    expect((await world.ledger('b-1'))[0]).toMatchObject({ declines: 1 });
  });

  test('other parameters under the same key are a 400 of type idempotency_error', async () => {
    const world = await openStripe();
    await create(world, 'k-1');
    const { status, body } = await create(world, 'k-1', { amount: '1001' });
    expect([status, body['error'].type]).toEqual([400, 'idempotency_error']);
    const error = await refusal(
      world.stripe.paymentIntents.create(authorization('b-1'), { idempotencyKey: 'k-1' }),
    );
    expect(error.type).toBe('StripeIdempotencyError');
  });

  test('a refused parameter is not stored: the key may be used with the right ones', async () => {
    const world = await openStripe();
    expect((await create(world, 'k-1', { foo: '1' })).status).toBe(400);
    expect((await create(world, 'k-1')).status).toBe(200);
  });

  test('a twin of a request that is being carried out is a 409', async () => {
    const world = await openStripe();
    await world.control('/stripe/executions', { match: 'POST /v1/payment_intents$', hold: 'slow' });
    const first = create(world, 'k-1');
    await expect.poll(async () => (await world.control('/holds/slow'))['waiting']).toBe(1);
    const twin = await create(world, 'k-1');
    expect([twin.status, twin.body['error'].code]).toEqual([409, 'idempotency_key_in_use']);
    expect(twin.headers.get('stripe-should-retry')).toBe('true');
    await world.control('/holds/slow/release', {});
    expect((await first).status).toBe(200);
    expect((await create(world, 'k-1')).body).toEqual((await first).body);
  });

  test.each([
    ['nothing was done', false, 0],
    ['it was done all the same', true, 1],
  ])('a stored 500 is repeated under its key, where %s', async (_what, carriedOut, intents) => {
    const world = await openStripe();
    await world.control('/stripe/next-500', { match: 'payment_intents$', carriedOut });
    for (const replayed of [null, 'true']) {
      const answer = await create(world, 'k-1');
      expect([answer.status, answer.body['error'].type]).toEqual([500, 'api_error']);
      expect(answer.headers.get('stripe-should-retry')).toBe('false');
      expect(answer.headers.get('idempotent-replayed')).toBe(replayed);
    }
    expect(await world.ledger('b-1')).toHaveLength(intents);
    expect((await create(world, 'k-2')).status).toBe(200);
  });

  test('a shared fault is stored under the key only when it says so', async () => {
    const world = await openStripe();
    await world.control('/faults', { host: 'stripe', path: 'payment_intents', status: 500 });
    expect((await create(world, 'k-1')).status).toBe(500);
    expect((await create(world, 'k-1')).status).toBe(200);
    const script = { host: 'stripe', path: 'payment_intents', status: 503, stored: true };
    await world.control('/faults', script);
    expect((await create(world, 'k-2')).status).toBe(503);
    expect((await create(world, 'k-2')).status).toBe(503);
  });

  test('an answer that was lost on the way can be fetched with the same key', async () => {
    const world = await openStripe();
    const fault = { host: 'stripe', path: 'payment_intents', drop: 'after' };
    await world.control('/faults', fault);
    await expect(create(world, 'k-1')).rejects.toThrow('fetch failed');
    expect((await create(world, 'k-1')).headers.get('idempotent-replayed')).toBe('true');
    expect(await world.ledger('b-1')).toHaveLength(1);
  });

  test('a pruned key is a new key', async () => {
    const world = await openStripe();
    await create(world, 'k-1');
    await world.control('/stripe/idempotency', undefined, 'DELETE');
    await create(world, 'k-1');
    expect(await world.ledger('b-1')).toHaveLength(2);
  });
});
