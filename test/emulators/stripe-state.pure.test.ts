import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { authorization, client, openStripe, sendJson, secretKey } from './stripe-world.ts';

test('whatever is asked in whatever order, money is conserved', async () => {
  const { stripe, control, ledger } = await openStripe();
  await control('/switches', { 'stripe.webhooks': 'withheld' }, 'PUT');
  let run = 0;
  const verb = fc.oneof(
    fc.record({ verb: fc.constant('capture' as const), amount: fc.integer({ min: 1, max: 1200 }) }),
    fc.record({ verb: fc.constant('refund' as const), amount: fc.integer({ min: 1, max: 1200 }) }),
    fc.record({ verb: fc.constantFrom('cancel', 'confirm', 'lapse'), amount: fc.constant(0) }),
  );
  const card = fc.constantFrom('pm_card_visa', 'pm_card_chargeDeclined', 'pm_card_refundFail');
  await fc.assert(
    fc.asyncProperty(card, fc.array(verb, { maxLength: 8 }), async (payment_method, verbs) => {
      run += 1;
      const bookingId = `run-${run}`;
      const { confirm: _now, ...params } = authorization(bookingId, 1000);
      const { id } = await stripe.paymentIntents.create({ ...params, payment_method });
      const acts = {
        capture: (amount: number) =>
          stripe.paymentIntents.capture(id, { amount_to_capture: amount }),
        refund: (amount: number) => stripe.refunds.create({ payment_intent: id, amount }),
        cancel: () => stripe.paymentIntents.cancel(id),
        confirm: () => stripe.paymentIntents.confirm(id),
        lapse: () => control(`/stripe/intents/${id}/lapse`, {}),
      };
      for (const step of [{ verb: 'confirm' as const, amount: 0 }, ...verbs]) {
        const status = await acts[step.verb](step.amount).then(
          () => 200,
          (error: { statusCode: number }) => error.statusCode,
        );
        expect([200, 400, 402]).toContain(status);
      }
      const [line] = await ledger(bookingId);
      const { status, ...minor } = line!;
      expect(minor['authorizations']).toBeLessThanOrEqual(1);
      expect(minor['refundedMinor']).toBeLessThanOrEqual(minor['capturedMinor']);
      const ended = minor['capturedMinor'] + minor['releasedMinor'];
      const open = status === 'requires_capture' ? minor['authorizedMinor'] : 0;
      expect(ended + open).toBe(minor['authorizedMinor']);
      expect(minor['capturedMinor'] > 0).toBe(status === 'succeeded');
    }),
    { numRuns: 60 },
  );
});

test('the effects are in the record of everything done, in order', async () => {
  const { stripe, control } = await openStripe();
  const { id } = await stripe.paymentIntents.create(authorization('b-1', 900));
  await stripe.paymentIntents.capture(id, { amount_to_capture: 600 });
  await stripe.refunds.create({ payment_intent: id, amount: 100 });
  const { entries } = await control('/record?host=stripe');
  const effects = (entries as Record<string, unknown>[]).filter(({ effect }) => effect);
  expect(effects.map(({ effect, amountMinor }) => [effect, amountMinor])).toEqual([
    ['created', 900],
    ['authorized', 900],
    ['captured', 600],
    ['released', 300],
    ['refunded', 100],
  ]);
  expect(effects[2]).toMatchObject({ intent: id, metadata: { booking_id: 'b-1' } });
  expect(JSON.stringify(entries)).not.toContain(secretKey);
});

test('a killed process has lost nothing that it answered, and sends what it still owed', async () => {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'stripe-state-'));
  onTestFinished(() => rm(stateDir, { recursive: true }));
  const first = await startProcess(stateDir);
  const account = `${first.url}/control/stripe/accounts/acct_holdfast1`;
  const nobody = 'http://127.0.0.1:9/hooks';
  await sendJson(account, { secretKey, webhookUrl: nobody }, 'PUT');
  const created = await client(first.url, secretKey).paymentIntents.create(authorization('b-1'), {
    idempotencyKey: 'k-1',
  });
  await first.kill();

  const world = await openStripe({ stateDir });
  const again = await world.stripe.paymentIntents.create(authorization('b-1'), {
    idempotencyKey: 'k-1',
  });
  expect(again.id).toBe(created.id);
  expect(await world.stripe.paymentIntents.capture(created.id)).toMatchObject({
    status: 'succeeded',
  });
  expect(await world.ledger('b-1')).toEqual([
    expect.objectContaining({ authorizations: 1, captures: 1 }),
  ]);
  const owed = 'payment_intent.amount_capturable_updated';
  await expect.poll(() => world.hooks.map(({ event }) => event.type)).toContain(owed);
});

async function startProcess(stateDir: string): Promise<{ url: string; kill(): Promise<void> }> {
  const entry = path.resolve('src/emulators/server.ts');
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, EMULATORS_PORT: '0', EMULATORS_STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = await new Promise<string>((resolve) => {
    child.stdout.once('data', (line: Buffer) => {
      resolve((JSON.parse(line.toString('utf8')) as { listening: string }).listening);
    });
  });
  return {
    url,
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
