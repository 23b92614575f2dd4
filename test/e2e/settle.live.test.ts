import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import { book, booked, cancel, openShop, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let shop: Shop;
let temporal: Client;
beforeAll(async () => {
  holdfast = await startHoldfast();
  shop = await openShop(holdfast);
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  temporal = new Client({ connection, namespace: inject('temporalNamespace') });
});
afterEach(() => liftFaults(holdfast));
afterAll(async () => {
  await temporal.connection.close();
  await holdfast.stop();
});

const terminate = (workflowId: string) =>
  temporal.workflow.getHandle(workflowId).terminate('as if its data were lost');

/** As if the sweeper's grace had passed since anything happened to the booking's money. */
const age = (bookingId: string) =>
  holdfast.database.pool.query(
    `WITH aged AS (UPDATE booking_change SET created_at = created_at - interval '1 hour'
       WHERE booking_id = $1)
     UPDATE payment SET updated_at = updated_at - interval '1 hour' WHERE booking_id = $1`,
    [bookingId],
  );

it('a confirmed booking whose run is gone before the capture is captured', async () => {
  await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'capture', holdAt: 'before' });
  const asked = book(holdfast, shop);
  await untilHeld(holdfast, 'capture');
  await terminate(`booking/${holdfast.tenantId}/${asked.id}`);
  await liftFaults(holdfast);
  await release(holdfast, 'capture');
  await age(asked.id);
  const [judged] = await untilSettled(holdfast, [asked]);
  expect(judged?.state).toBe('confirmed');
});

it('an authorization of a booking whose run is gone before the commit is let go', async () => {
  await fault(holdfast, { ...STRIPE_CALLS.confirm, hold: 'confirm', holdAt: 'after' });
  const asked = book(holdfast, shop);
  await untilHeld(holdfast, 'confirm');
  await terminate(`booking/${holdfast.tenantId}/${asked.id}`);
  await liftFaults(holdfast);
  await release(holdfast, 'confirm');
  await until(
    () => holdfast.call('GET', `/bookings/${asked.id}`),
    ({ body }) => body.payment.status === 'authorized',
  );
  await holdfast.database.pool.query(
    `WITH over AS (UPDATE booking SET hold_expires_at = now() - interval '1 hour' WHERE id = $1)
     UPDATE occupancy SET expires_at = now() - interval '1 hour' WHERE booking_id = $1`,
    [asked.id],
  );
  await age(asked.id);
  const [judged] = await untilSettled(holdfast, [asked]);
  expect(judged?.state).toBe('expired');
});

it('a cancel whose run is gone before the refund goes on', async () => {
  const asked = await booked(holdfast, shop);
  await fault(holdfast, { ...STRIPE_CALLS.refund, hold: 'refund', holdAt: 'before' });
  expect((await cancel(holdfast, asked.id)).body.state).toBe('cancelled');
  await untilHeld(holdfast, 'refund');
  for await (const run of temporal.workflow.list({
    query: `WorkflowType = 'bookingChange' AND ExecutionStatus = 'Running' AND HoldfastTenant = '${holdfast.tenantId}'`,
  }))
    await terminate(run.workflowId);
  await liftFaults(holdfast);
  await release(holdfast, 'refund');
  await age(asked.id);
  const [judged] = await untilSettled(holdfast, [asked]);
  expect(judged?.state).toBe('cancelled');
});

it('a hold is given up at once although the payment service hangs, and is never charged', async () => {
  await fault(holdfast, { ...STRIPE_CALLS.confirm, hold: 'hang', holdAt: 'before', times: 9 });
  const asked = book(holdfast, shop);
  await untilHeld(holdfast, 'hang');
  const startedAt = performance.now();
  expect((await cancel(holdfast, asked.id)).body.state).toBe('cancelled');
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  await liftFaults(holdfast);
  await release(holdfast, 'hang');
  const [judged] = await untilSettled(holdfast, [asked]);
  expect(judged?.state).toBe('cancelled');
});
