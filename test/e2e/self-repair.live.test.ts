import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addEvents, freeHours, steer, untilTaken } from '../support/calendar.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';

/** A copy that went wrong unnoticed, and what brings it back without anybody asking. */
let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterAll(() => holdfast.stop());

const HOURS = [9, 12, 15];

/** A connection whose copy lost all its entries, as no channel would ever say it did. */
async function damaged(): Promise<Scene> {
  const scene = await connectGoogle(holdfast, { resourceId: await addResource(holdfast) });
  await addEvents(
    holdfast,
    scene,
    HOURS.map((hour) => ({ days: 3, hour })),
  );
  await untilTaken(holdfast, scene, { days: 3, hour: 15 });
  const { pool } = holdfast.database;
  await pool.query('DELETE FROM busy WHERE connection_id = $1', [scene.connectionId]);
  await pool.query('DELETE FROM channel_event WHERE connection_id = $1', [scene.connectionId]);
  expect(await freeHours(holdfast, scene, 3)).toEqual(expect.arrayContaining(HOURS));
  return scene;
}

async function untilRepaired(scene: Scene): Promise<object | undefined> {
  const entries = async () => {
    const { rows } = await holdfast.database.pool.query<{ type: string; data: object }>(
      `SELECT type, data FROM journal WHERE subject = $1
        AND type IN ('connection.differs', 'connection.repaired') ORDER BY seq`,
      [`connection/${scene.connectionId}`],
    );
    return rows;
  };
  const found = await until(entries, (rows) => rows.at(-1)?.type === 'connection.repaired', 40_000);
  for (const hour of HOURS) expect(await freeHours(holdfast, scene, 3)).not.toContain(hour);
  return found.at(-1)?.data;
}

const healed = (reason: string) => ({ reason, added: HOURS.length, removed: 0 });

const longAgo = (scene: Scene, column: 'listed_at' | 'compared_at') =>
  holdfast.database.pool.query(
    `UPDATE connection SET ${column} = now() - interval '2 days' WHERE id = $1`,
    [scene.connectionId],
  );

describe('entries that our copy lost', () => {
  it('come back with the nightly listing', async () => {
    const scene = await damaged();
    await longAgo(scene, 'listed_at');
    await steer(holdfast, scene, 'sync-now');
    expect(await untilRepaired(scene)).toMatchObject(healed('nightly'));
  });

  it("come back when the channel's free/busy answer names them twice", async () => {
    const scene = await damaged();
    await longAgo(scene, 'compared_at');
    await steer(holdfast, scene, 'sync-now');
    expect(await untilRepaired(scene)).toMatchObject(healed('free-busy'));
  });
});
