import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import { AMOUNT_MINOR, openStripeBench } from './stripe-bench.ts';
import type { StripeBench } from './stripe-bench.ts';

describe('what goes wrong at Stripe', () => {
  let bench: StripeBench;
  beforeAll(async () => {
    bench = await openStripeBench();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.control('DELETE', 'faults'));

  const fault = (script: Record<string, unknown>) =>
    bench.control('POST', 'faults', { host: 'stripe', ...script });
  const act = () => ({ access: bench.access });

  test.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedLostCard', 'lost_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error'],
  ])('%s is declined as %s, the same again under the same key', async (paymentMethod, code) => {
    const booking = bench.booking();
    const intentId = await booking.create();
    const key = booking.key('authorize');
    const input = { ...act(), key, intentId, paymentMethod, returnUrl: null };
    for (const _again of [1, 2]) {
      const refused = bench.provider.confirm(input);
      await expect(refused).rejects.toMatchObject({ kind: 'declined', code });
    }
    const state = await bench.provider.read({ ...act(), intentId });
    expect(state).toMatchObject({ status: 'needs-method', declineCode: code });
    const other = { ...input, key: booking.key('authorize', 1), paymentMethod: 'pm_card_visa' };
    expect(await bench.provider.confirm(other)).toMatchObject({ status: 'authorized' });
    expect(await booking.ledger()).toMatchObject([{ authorizations: 1 }]);
  });

  const said = (status: number, error: Record<string, unknown>) => ({ status, body: { error } });
  test.each([
    [
      said(400, { type: 'invalid_request_error', code: 'parameter_missing' }),
      'invalid',
      'parameter_missing',
    ],
    [said(400, { type: 'idempotency_error' }), 'invalid', 'idempotency_error'],
    [said(401, { type: 'invalid_request_error' }), 'unauthorized', 'http-401'],
    [said(403, { type: 'invalid_request_error' }), 'unauthorized', 'http-403'],
    [
      said(404, { type: 'invalid_request_error', code: 'resource_missing' }),
      'not-found',
      'resource_missing',
    ],
    [
      said(409, { type: 'api_error', code: 'idempotency_key_in_use' }),
      'unavailable',
      'idempotency_key_in_use',
    ],
    [
      said(429, { type: 'invalid_request_error', code: 'rate_limit' }),
      'rate-limited',
      'rate_limit',
    ],
    [
      said(429, { type: 'invalid_request_error', code: 'lock_timeout' }),
      'unavailable',
      'lock_timeout',
    ],
    [
      said(402, { type: 'card_error', code: 'card_declined', decline_code: 'stolen_card' }),
      'declined',
      'stolen_card',
    ],
    [said(402, { type: 'card_error', code: 'Anna has no money' }), 'declined', 'http-402'],
    [
      said(402, { type: 'card_error', code: 'charge_expired_for_capture' }),
      'conflict',
      'charge_expired_for_capture',
    ],
    [said(503, { type: 'api_error' }), 'unavailable', 'http-503'],
    [{ status: 502, body: '<html>' }, 'unavailable', 'unreadable-answer'],
    [{ status: 503, body: {} }, 'unavailable', 'unreadable-answer'],
    [{ status: 502, body: { message: 'Bad Gateway' } }, 'unavailable', 'unreadable-answer'],
    [{ drop: 'before', times: 2 }, 'unavailable', 'network'],
    [{ cutBody: true, times: 2 }, 'unavailable', 'network'],
    [{ delayMs: 1_300 }, 'unavailable', 'timeout'],
  ])('%o is %s with code %s', async (script, kind, code) => {
    const intentId = await bench.booking().create();
    await fault({ path: `^/v1/payment_intents/${intentId}`, ...script });
    const read = bench.provider.read({ ...act(), intentId });
    await expect(read).rejects.toMatchObject({ name: 'Failure', kind, code });
  });

  test('Retry-After is passed on', async () => {
    const intentId = await bench.booking().create();
    const headers = { 'Retry-After': '11' };
    await fault({ path: intentId, ...said(429, { code: 'rate_limit' }), headers });
    const read = bench.provider.read({ ...act(), intentId });
    await expect(read).rejects.toMatchObject({ kind: 'rate-limited', retryAfterMs: 11_000 });
  });

  test('an act whose answer was lost is done once', async () => {
    const booking = bench.booking();
    const intentId = await booking.authorized();
    await fault({ path: '/capture$', drop: 'after', times: 2 });
    const input = { ...act(), key: booking.key('capture'), intentId, amountMinor: AMOUNT_MINOR };
    await expect(bench.provider.capture(input)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await bench.provider.capture(input)).toMatchObject({ status: 'captured' });
    expect(await booking.ledger()).toMatchObject([{ captures: 1 }]);
  });

  const steps = [
    { step: 'create', path: '^POST /v1/payment_intents$' },
    { step: 'authorize', path: '/confirm$' },
    { step: 'capture', path: '/capture$' },
    { step: 'void', path: '/cancel$' },
    { step: 'refund', path: '^POST /v1/refunds$' },
  ];

  async function runTo(step: string): Promise<() => Promise<unknown>> {
    const booking = bench.booking();
    const { provider } = bench;
    if (step === 'create') return () => booking.create();
    const intentId = await (step === 'authorize'
      ? booking.create()
      : ['capture', 'void'].includes(step)
        ? booking.authorized()
        : booking.captured());
    const input = { ...act(), key: booking.key(step), intentId };
    const amount = { amountMinor: AMOUNT_MINOR };
    if (step === 'capture') return () => provider.capture({ ...input, ...amount });
    if (step === 'void') return () => provider.cancel(input);
    if (step === 'refund') return () => provider.refund({ ...input, ...amount });
    return () => provider.confirm({ ...input, paymentMethod: 'pm_card_visa', returnUrl: null });
  }

  test.each(steps)('what a proxy says instead is no answer to $step', async ({ step, path }) => {
    const run = await runTo(step);
    await fault({ path: path.replace(/.* /, ''), method: 'POST', status: 503, body: {} });
    await expect(run()).rejects.toMatchObject({ kind: 'unavailable', code: 'unreadable-answer' });
    expect(await run()).toBeTruthy();
  });

  test.each(steps)('a stored 500 does not end $step: a retry goes on', async ({ step, path }) => {
    const run = await runTo(step);
    await bench.control('POST', 'stripe/next-500', { match: path });
    await expect(run()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await run()).toBeTruthy();
    await bench.control('DELETE', 'stripe/executions');
  });

  test.each(steps)(
    'an outage that stores a dozen 500s of $step outlives none of them',
    async ({ step, path }) => {
      const run = await runTo(step);
      await bench.control('POST', 'stripe/next-500', { match: path, times: 12 });
      for (let n = 0; n < 12; n += 1)
        await expect(run()).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await run()).toBeTruthy();
      await bench.control('DELETE', 'stripe/executions');
    },
  );

  test('a key that served another amount before does not end the capture', async () => {
    const booking = bench.booking();
    const intentId = await booking.authorized();
    const input = { ...act(), key: booking.key('capture-kept'), intentId };
    await bench.control('POST', 'stripe/next-500', { match: '/capture$' });
    const first = bench.provider.capture({ ...input, amountMinor: 6_000 });
    await expect(first).rejects.toMatchObject({ kind: 'unavailable' });
    const second = await bench.provider.capture({ ...input, amountMinor: 4_000 });
    expect(second).toMatchObject({ status: 'captured', capturedMinor: 4_000 });
    const third = bench.provider.capture({ ...input, amountMinor: 3_000 });
    await expect(third).rejects.toMatchObject({ kind: 'conflict' });
    expect(await booking.ledger()).toMatchObject([{ captures: 1, capturedMinor: 4_000 }]);
    await bench.control('DELETE', 'stripe/executions');
  });

  test('a capture that was declined is asked anew by the next call, and not its stored answer', async () => {
    const booking = bench.booking();
    const intentId = await booking.authorized();
    const error = { type: 'card_error', code: 'card_declined', decline_code: 'do_not_honor' };
    await fault({ path: '/capture$', stored: true, ...said(402, error) });
    const input = { ...act(), key: booking.key('capture'), intentId, amountMinor: AMOUNT_MINOR };
    const refused = bench.provider.capture(input);
    await expect(refused).rejects.toMatchObject({ kind: 'declined', code: 'do_not_honor' });
    expect(await bench.provider.capture(input)).toMatchObject({ status: 'captured' });
    expect(await booking.ledger()).toMatchObject([{ captures: 1 }]);
  });

  test.each(steps.slice(1))(
    'a 500 after $step was done is not done twice',
    async ({ step, path }) => {
      const run = await runTo(step);
      await bench.control('POST', 'stripe/next-500', { match: path, carriedOut: true });
      expect(await run()).toBeTruthy();
      expect(await run()).toBeTruthy();
      await bench.control('DELETE', 'stripe/executions');
      const { intents } = (await bench.control('GET', 'stripe/ledger')) as {
        intents: { authorizations: number; captures: number; refunds: number }[];
      };
      for (const { authorizations, captures, refunds } of intents)
        expect(Math.max(authorizations, captures, refunds)).toBeLessThanOrEqual(1);
    },
  );

  test('without the header that marks a replay a stored 500 stays a failure', async () => {
    await bench.control('PUT', 'switches', { 'stripe.idempotentReplayedHeader': false });
    const run = await runTo('capture');
    await bench.control('POST', 'stripe/next-500', { match: '/capture$' });
    await expect(run()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(run()).rejects.toMatchObject({ kind: 'unavailable' });
    await bench.control('PUT', 'switches', { 'stripe.idempotentReplayedHeader': true });
    await bench.control('DELETE', 'stripe/executions');
  });

  test('no failure says a key, a text for a person or who paid', async () => {
    const booking = bench.booking();
    const intentId = await booking.create();
    const paymentMethod = 'pm_card_chargeDeclined';
    const key = booking.key('authorize');
    const input = { ...act(), key, intentId, paymentMethod, returnUrl: null };
    const error = await bench.provider.confirm(input).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Failure);
    const { message, stack, cause } = error as Failure;
    const shown = `${message} ${stack} ${JSON.stringify(error)} ${JSON.stringify(cause)}`;
    for (const secret of [bench.access.secretKey, 'Your card', '_secret_', '4242'])
      expect(shown).not.toContain(secret);
  });

  test('an unknown key of an account is unauthorized', async () => {
    const access = { secretKey: 'sk_test_nobody', connectedAccount: null };
    const read = bench.provider.read({ access, intentId: 'pi_1' });
    await expect(read).rejects.toMatchObject({ kind: 'unauthorized' });
  });
});
