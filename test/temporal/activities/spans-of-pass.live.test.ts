import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NeutralEvent } from '../../../src/domain/event.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { rollEdge } from '../../../temporal/activities/connection-page.ts';
import type { Ledger } from '../../support/ledger.ts';
import {
  addConnection,
  addResource,
  anEvent,
  hour,
  listed,
  openLedger,
} from '../../support/ledger.ts';
import { openPort, type PortScene } from './port-scene.ts';

/** With what a pass makes its spans, and that it makes them once. */
let ledger: Ledger;
let port: PortScene;
let resourceId: string;
let key: ConnectionKey;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  port = openPort(ledger);
  resourceId = await addResource(ledger.admin);
  key = await addConnection(ledger.admin, { resourceId });
});

const say = (events: NeutralEvent[], more = false) => {
  port.answer = () => ({ changes: listed(...events), more });
  return port.pull(key);
};
const moveResource = (zone: string) =>
  ledger.admin.query('UPDATE resource SET time_zone = $2 WHERE id = $1', [resourceId, zone]);
const spans = async () => {
  const { rows } = await ledger.pool.query<{ root: string; from: number; to: number }>(
    `SELECT root_id AS root, (extract(epoch FROM start_at - $2::timestamptz) / 3600)::float8 AS from,
        (extract(epoch FROM end_at - $2::timestamptz) / 3600)::float8 AS to
       FROM busy WHERE connection_id = $1 AND NOT stale ORDER BY start_at, root_id`,
    [key.connectionId, hour(0)],
  );
  return rows.map((one) => `${one.root} ${one.from}-${one.to}`);
};
const wholeDay = (id: string) =>
  anEvent(id, [0, 24], {
    start: { kind: 'date', date: hour(0).slice(0, 10) },
    end: { kind: 'date', date: hour(24).slice(0, 10) },
  });
const floating = (id: string) =>
  anEvent(id, [0, 1], {
    start: { kind: 'floating', local: hour(0).slice(0, 19) },
    end: { kind: 'floating', local: hour(1).slice(0, 19) },
  });

const sellByNight = (nights: { checkIn: string; checkOut: string } | null) =>
  ledger.admin.query('UPDATE resource SET settings = settings || $2 WHERE id = $1', [
    resourceId,
    { soldBy: nights ? 'night' : 'time', nights },
  ]);

describe('whole days', () => {
  test('are the nights after them on a resource sold by the night, from check-in to check-out', async () => {
    await sellByNight({ checkIn: '15:00', checkOut: '11:00' });
    await moveResource('Asia/Tokyo');
    await say([wholeDay('d'), floating('f')]);
    expect(await spans()).toEqual(['f 0-1', 'd 6-26']);
  });

  test('are read anew at the end of the next pass when the resource is sold otherwise', async () => {
    await say([wholeDay('d')]);
    await sellByNight({ checkIn: '15:00', checkOut: '11:00' });
    await say([]);
    expect(await spans()).toEqual(['d 15-35']);
    await sellByNight({ checkIn: '16:00', checkOut: '10:00' });
    await say([]);
    expect(await spans()).toEqual(['d 16-34']);
    await sellByNight(null);
    await say([]);
    expect(await spans()).toEqual(['d 0-24']);
  });

  test("are days in the resource's zone, and floating times stay in the calendar's", async () => {
    await moveResource('Asia/Tokyo');
    await say([wholeDay('d'), floating('f')]);
    expect(await spans()).toEqual(['d -9-15', 'f 0-1']);
  });

  test('move with the resource at the end of the next pass', async () => {
    await say([wholeDay('d'), floating('f')]);
    expect(await spans()).toEqual(['d 0-24', 'f 0-1']);
    await moveResource('America/New_York');
    await say([]);
    expect(await spans()).toEqual(['f 0-1', 'd 5-29']);
  });

  test('move with the resource also where no pass is made', async () => {
    await say([wholeDay('d')]);
    await moveResource('Asia/Tokyo');
    await rollEdge(port.deps, key);
    // What was taken before goes with the next pass.
    expect(await spans()).toEqual(['d -9-15']);
  });
});

describe('a first pass of several pages', () => {
  test('makes the spans of each page once', async () => {
    await say([anEvent('a', [0, 1])], true);
    expect(await spans()).toEqual(['a 0-1']);
    // What a second making would bring back.
    await ledger.admin.query('DELETE FROM busy WHERE connection_id = $1', [key.connectionId]);
    await say([anEvent('b', [2, 3])]);
    expect(await spans()).toEqual(['b 2-3']);
  });

  test('makes them anew where settings moved in between', async () => {
    await say([anEvent('a', [0, 1], { status: 'tentative' })], true);
    expect(await spans()).toEqual(['a 0-1']);
    await ledger.admin.query(
      `UPDATE connection SET settings = settings || '{"tentative": "free"}' WHERE id = $1`,
      [key.connectionId],
    );
    await say([anEvent('b', [2, 3])]);
    expect(await spans()).toEqual(['b 2-3']);
  });

  test('makes them anew where the resource moved in between and came back', async () => {
    await say([wholeDay('a')], true);
    await moveResource('Asia/Tokyo');
    await say([wholeDay('b')], true);
    await moveResource('UTC');
    await say([wholeDay('c')]);
    expect(await spans()).toEqual(['a 0-24', 'b 0-24', 'c 0-24']);
  });
});
