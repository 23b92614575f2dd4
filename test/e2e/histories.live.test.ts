import { afterAll, beforeAll, expect, it } from 'vitest';
import { addEvent, connectionOf, steer, untilTaken } from '../support/calendar.ts';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { onQueue, textOf, viewTemporal, type TemporalView } from '../support/history.ts';
import { fault, liftFaults, STRIPE_CALLS } from '../support/outside.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';
import { book, cancel, openShop } from '../support/shop.ts';

let holdfast: Holdfast;
let temporal: TemporalView;
beforeAll(async () => {
  holdfast = await startHoldfast();
  temporal = await viewTemporal();
});
afterAll(async () => {
  await temporal.close();
  await holdfast.stop();
});

const workflowIdOf = ({ connectionId }: Scene): string =>
  `connection/${holdfast.tenantId}/${connectionId}`;

it('a long connection goes on in a new run, with its status and what is pending', async () => {
  const scene = await connectGoogle(holdfast, { resourceId: await addResource(holdfast) });
  const handle = temporal.client.workflow.getHandle(workflowIdOf(scene));
  const first = await handle.describe();
  for (let n = 0; n < 70; n += 1) {
    // Notified again and again while it is on its way to a new run.
    if (n % 10 === 5) await addEvent(holdfast, scene, { days: 3 + n, hour: 9 });
    // Not through the API, whose rate is meant for people.
    const passed = await handle.executeUpdate<{ status: string }, []>('syncNow');
    expect(passed.status).toBe('live');
  }
  for (let n = 5; n < 70; n += 10) await untilTaken(holdfast, scene, { days: 3 + n, hour: 9 });
  const last = await until(
    () => handle.describe(),
    ({ runId }) => runId !== first.runId,
  );
  expect(last.historyLength).toBeLessThan(600);
  expect((await temporal.history(workflowIdOf(scene), first.runId)).events.length).toBeLessThan(
    600,
  );
  const view = await handle.query<{ passes: number; watched: boolean; status: string }>('status');
  expect(view).toMatchObject({ status: 'live', watched: true });
  expect(view.passes).toBeGreaterThanOrEqual(70);
  expect(last.searchAttributes['HoldfastStatus']).toEqual(['live']);
});

it('no history, journal or error text has a title, guest, method, token or secret', async () => {
  const shop = await openShop(holdfast, { calendar: true });
  const scene = shop as Scene & typeof shop;
  await addEvent(holdfast, scene, { days: 30, hour: 9, summary: 'Chemotherapy' });
  await untilTaken(holdfast, scene, { days: 30, hour: 9 });
  const guest = { name: 'Ada Lovelace', contact: 'ada@lovelace.example', reference: 'web-77-ref' };
  const told: string[] = [];
  const sell = async (card: string) => {
    const asked = book(holdfast, shop, { card, guest, prefer: 'wait=5' });
    told.push(JSON.stringify((await asked.answer)?.body));
    return asked;
  };
  const good = await sell('pm_card_visa');
  const declined = await sell('pm_card_visa_chargeDeclined');
  await fault(holdfast, {
    ...STRIPE_CALLS.refund,
    status: 500,
    body: { error: { message: 'Ada Lovelace' } },
  });
  await cancel(holdfast, good.id);
  await untilSettled(holdfast, [good, declined]);
  await liftFaults(holdfast);
  await fault(holdfast, {
    host: 'google',
    method: 'GET',
    path: '/events',
    status: 500,
    times: 2,
    body: 'Chemotherapy',
  });
  await steer(holdfast, scene, 'sync-now');
  told.push(JSON.stringify((await connectionOf(holdfast, scene)).body));
  const { intents } = await holdfast.control<{ intents: { client_secret: string }[] }>(
    'GET',
    '/stripe/intents',
  );
  const { accounts } = await holdfast.control<{ accounts: { secretKey: string }[] }>(
    'GET',
    '/stripe/accounts',
  );
  const secrets = [
    'Chemotherapy',
    ...Object.values(guest),
    'pm_card_visa',
    ...intents.map((one) => one.client_secret),
    ...accounts.map((one) => one.secretKey),
    'emulated-secret',
    'ya29.',
    holdfast.key,
    holdfast.env['HOLDFAST_KEYRING']!.slice(3),
  ];

  const runs = await until(
    () => temporal.runs(onQueue(holdfast)),
    (found) =>
      ['booking', 'bookingChange', 'connection'].every((type) =>
        found.some((one) => one.type === type),
      ),
  );
  const histories = await Promise.all(
    runs.map(async (run) => textOf(await temporal.history(run.workflowId, run.runId))),
  );
  const { rows } = await holdfast.database.pool.query<{ text: string }>(
    `SELECT journal::text AS text FROM journal UNION ALL SELECT status_reason FROM connection`,
  );
  const everything = [...histories, ...rows.map(({ text }) => text), ...told].join('\n');
  expect(everything).toContain(good.id);
  expect(secrets.filter((secret) => everything.includes(secret))).toEqual([]);
});
