import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectionWorkflowId } from '../../temporal/contracts/names.ts';
import {
  addEvent,
  addEvents,
  calendarPath,
  connectionOf,
  freeHours,
  steer,
  untilStatus,
  untilTaken,
} from '../support/calendar.ts';
import { viewTemporal, type TemporalView } from '../support/history.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';

/** What an operator decides about a copy that looks wrong: through the API and in Temporal UI. */
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

const HOURS = [1, 3, 5, 7, 9, 11, 13, 15, 17];
const FREE = 24 - HOURS.length;

const handleOf = ({ connectionId }: Scene) =>
  temporal.client.workflow.getHandle(
    connectionWorkflowId({ tenantId: holdfast.tenantId, connectionId }),
  );
const freeCount = async (scene: Scene) => (await freeHours(holdfast, scene, 3)).length;
const journalOf = async ({ connectionId }: Scene, like: string) => {
  const { rows } = await holdfast.database.pool.query<{ type: string }>(
    'SELECT type FROM journal WHERE subject = $1 AND type LIKE $2 ORDER BY seq',
    [`connection/${connectionId}`, like],
  );
  return rows.map((row) => row.type);
};

/** A connected calendar with nine entries on one day. */
async function full(): Promise<Scene> {
  const scene = await connectGoogle(holdfast, { resourceId: await addResource(holdfast) });
  await addEvents(
    holdfast,
    scene,
    HOURS.map((hour) => ({ days: 3, hour })),
  );
  await untilTaken(holdfast, scene, { days: 3, hour: 17 });
  return scene;
}

async function deleteAll(scene: Scene): Promise<void> {
  const path = calendarPath(scene.calendarId);
  const { events } = await holdfast.control<{ events: { id: string; status: string }[] }>(
    'GET',
    `${path}/events`,
  );
  for (const { id, status } of events)
    if (status !== 'cancelled') await holdfast.control('DELETE', `${path}/events/${id}`);
}

/** The calendar is read whole, and most of it is not there. */
async function vanished(): Promise<Scene> {
  const scene = await full();
  await steer(holdfast, scene, 'pause');
  await deleteAll(scene);
  await holdfast.control('POST', `${calendarPath(scene.calendarId)}/expire-sync-tokens`);
  await steer(holdfast, scene, 'resume');
  await untilStatus(holdfast, scene, 'guarded');
  return scene;
}

it('what vanished without a word blocks until somebody believes it, through the API', async () => {
  const scene = await vanished();
  expect(await freeCount(scene)).toBe(FREE);
  const { body } = await connectionOf(holdfast, scene);
  expect(body.advice).toContain('accept-removals');
  const before = body.freshness.confirmedAt;
  const kept = await steer(holdfast, scene, 'refuse-removals');
  expect(kept.body).toMatchObject({ status: 'guarded', freshness: { confirmedAt: before } });
  expect(await journalOf(scene, 'connection.removals%')).toEqual(['connection.removals-refused']);
  expect(await freeCount(scene)).toBe(FREE);
  expect((await steer(holdfast, scene, 'accept-removals')).body.status).toBe('live');
  expect(await freeCount(scene)).toBe(24);
  const passes = await holdfast.call('GET', `/connections/${scene.connectionId}/passes?limit=1`);
  expect(passes.body.items[0]).toMatchObject({ kind: 'listing', removed: HOURS.length });
});

it('and as updates in Temporal UI', async () => {
  const scene = await vanished();
  expect(await handleOf(scene).executeUpdate('refuseRemovals')).toMatchObject({
    kept: HOURS.length,
    status: 'guarded',
  });
  expect(await freeCount(scene)).toBe(FREE);
  expect(await handleOf(scene).executeUpdate('acceptRemovals')).toMatchObject({ status: 'live' });
  expect(await freeCount(scene)).toBe(24);
});

it("a channel's own word is believed at once, shown as an anomaly, and undone until the next pass", async () => {
  const scene = await full();
  const at = new Date().toISOString();
  await steer(holdfast, scene, 'pause');
  await deleteAll(scene);
  await steer(holdfast, scene, 'resume');
  await until(() => freeCount(scene), (count) => count === 24); // prettier-ignore
  const path = `/connections/${scene.connectionId}`;
  const [pass] = (await holdfast.call('GET', `${path}/passes?limit=1`)).body.items;
  expect(pass).toMatchObject({ removed: 9, anomaly: { lost: 9, of: 9 } });
  expect(await journalOf(scene, 'connection.anomaly')).toHaveLength(1);
  const changes = await holdfast.call('GET', pass.links.changes.replace('/v1', ''));
  expect(changes.body.items).toHaveLength(HOURS.length);
  for (const change of changes.body.items)
    expect(change).toMatchObject({ after: null, before: { status: 'confirmed' } });
  const then = await holdfast.call('GET', `${path}/events?asOf=${at}`);
  expect(then.body.items).toHaveLength(HOURS.length);

  const restored = await holdfast.call('POST', `${path}/restore`, { at });
  expect(restored.body).toMatchObject({ status: 'paused', reason: 'restored' });
  expect(await freeCount(scene)).toBe(FREE);
  await addEvent(holdfast, scene, { days: 3, hour: 20 });
  // Paused: neither a notification nor a wish reads the channel.
  await steer(holdfast, scene, 'sync-now');
  expect(await freeCount(scene)).toBe(FREE);
  await steer(holdfast, scene, 'resume');
  await untilTaken(holdfast, scene, { days: 3, hour: 20 });
  expect((await connectionOf(holdfast, scene)).body.status).toBe('guarded');
  expect((await steer(holdfast, scene, 'accept-removals')).body.status).toBe('live');
  expect(await freeCount(scene)).toBe(23);
});

it('a restore in Temporal UI works too, and one to an unknown moment is refused and pauses', async () => {
  const scene = await full();
  const at = new Date().toISOString();
  await addEvent(holdfast, scene, { days: 3, hour: 20 });
  await untilTaken(holdfast, scene, { days: 3, hour: 20 });
  const restored = await handleOf(scene).executeUpdate('restore', { args: [{ at }] });
  expect(restored).toMatchObject({ status: 'paused', paused: true });
  expect(await freeCount(scene)).toBe(FREE);
  const early = { at: '2001-01-01T00:00:00Z' };
  await expect(handleOf(scene).executeUpdate('restore', { args: [early] })).rejects.toThrow(
    /failed/i,
  );
  const refused = await holdfast.call('POST', `/connections/${scene.connectionId}/restore`, early);
  expect(refused.status).toBe(400);
  expect(refused.body.errors).toMatchObject([{ pointer: '/at' }]);
  expect((await steer(holdfast, scene, 'resume')).body.status).toBe('live');
  expect(await freeHours(holdfast, scene, 3)).not.toContain(20);
});
