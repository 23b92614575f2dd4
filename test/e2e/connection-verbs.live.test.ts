import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connectionWorkflowId } from '../../temporal/contracts/names.ts';
import {
  addEvent,
  connectionOf,
  freeHours,
  steer,
  untilStatus,
  untilTaken,
} from '../support/calendar.ts';
import { viewTemporal, type TemporalView } from '../support/history.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, liftFaults, listCalls } from '../support/outside.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';
import { booked, openShop } from '../support/shop.ts';

let holdfast: Holdfast;
let temporal: TemporalView;
beforeAll(async () => {
  holdfast = await startHoldfast();
  temporal = await viewTemporal();
});
afterEach(() => liftFaults(holdfast));
afterAll(async () => {
  await temporal.close();
  await holdfast.stop();
});

const connect = async (): Promise<Scene> =>
  connectGoogle(holdfast, { resourceId: await addResource(holdfast) });
const run = ({ connectionId }: Scene) =>
  temporal.client.workflow.getHandle(
    connectionWorkflowId({ tenantId: holdfast.tenantId, connectionId }),
  );

it('a pause and a resume at once, also in the middle of a pass, leave the connection connected', async () => {
  const scene = await connect();
  await untilStatus(holdfast, scene, 'live');
  await fault(holdfast, { ...listCalls(scene.calendarId), times: 2, delayMs: 1_500 });
  await addEvent(holdfast, scene, { days: 3, hour: 9 });
  const pass = steer(holdfast, scene, 'sync-now');
  for (let n = 0; n < 3; n += 1)
    await Promise.all([steer(holdfast, scene, 'pause'), steer(holdfast, scene, 'resume')]);
  await pass;
  await steer(holdfast, scene, 'resume');
  await untilStatus(holdfast, scene, 'live');
  expect(await freeHours(holdfast, scene, 3)).not.toContain(9);
});

it('a run cancelled from outside, idle or in a pass, ends alone: the next verb starts another', async () => {
  const scene = await connect();
  await untilStatus(holdfast, scene, 'live');
  for (const [hour, delayMs] of [
    [9, 0],
    [11, 3_000],
  ] as const) {
    if (delayMs > 0) await fault(holdfast, { ...listCalls(scene.calendarId), times: 1, delayMs });
    const pass = delayMs > 0 ? steer(holdfast, scene, 'sync-now') : null;
    await new Promise((resolve) => setTimeout(resolve, 300));
    await run(scene).cancel();
    await until(
      () => run(scene).describe(),
      ({ status }) => status.name === 'CANCELLED',
    );
    await pass;
    expect((await connectionOf(holdfast, scene)).body.status).toBe('live');
    await addEvent(holdfast, scene, { days: 3, hour });
    await steer(holdfast, scene, 'sync-now');
    await untilTaken(holdfast, scene, { days: 3, hour });
  }
});

it('a calendar that takes no writes is read all the same, and stands as live', async () => {
  const shop = await openShop(holdfast, { calendar: true });
  const scene = shop as Scene;
  await untilStatus(holdfast, scene, 'live');
  const refused = { error: { code: 400, errors: [{ reason: 'invalid' }], message: 'Invalid' } };
  const writes = { host: 'google', method: 'POST', path: '/events(\\?|$)' } as const;
  await fault(holdfast, { ...writes, status: 503, times: 6 });
  await fault(holdfast, { ...writes, status: 400, times: 1_000, body: refused });
  await booked(holdfast, shop);
  for (const hour of [9, 11, 13]) {
    await addEvent(holdfast, scene, { days: 9, hour });
    await untilTaken(holdfast, scene, { days: 9, hour });
  }
  const { rows } = await holdfast.database.pool.query<{ type: string }>(
    `SELECT DISTINCT type FROM journal WHERE subject = $1 AND type LIKE 'connection.%'`,
    [`connection/${scene.connectionId}`],
  );
  const types = rows.map(({ type }) => type).toSorted();
  expect(types).toEqual(['connection.created', 'connection.live']);
  expect((await connectionOf(holdfast, scene)).body.counts.mirrorsBehind).toBe(1);
});
