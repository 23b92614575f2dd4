import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Interval } from '../../src/domain/interval.ts';
import { publishedEntries } from '../../src/domain/published.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { echoesOver, endEchoes, keepServing } from '../../src/store/echoes.ts';
import { feedToServe } from '../../src/store/feed-contents.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  entriesOf,
  gone,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

interface Platform {
  connection: ConnectionKey;
  feedId: string;
  tokenHash: Buffer;
}

/** A platform that lists this place, as we see it: what it says, and the feed that it reads. */
async function addPlatform(resourceId: string): Promise<Platform> {
  const connection = await addConnection(ledger.admin, { resourceId });
  const feedId = randomUUID();
  const tokenHash = createHash('sha256').update(randomBytes(8)).digest();
  await ledger.admin.query(
    `INSERT INTO feed (tenant_id, id, resource_id, subscriber, platform, shows, token_hash, token)
     VALUES ($1, $2, $3, 'P', 'other', 'busy', $4, '')`,
    [TENANT, feedId, resourceId, tokenHash],
  );
  await ledger.admin.query(`INSERT INTO feed_connection VALUES ($1, $2, $3)`, [
    TENANT,
    feedId,
    connection.connectionId,
  ]);
  return { connection, feedId, tokenHash };
}

/** The platform fetches its feed. */
async function fetchFeed({ tokenHash }: Platform): Promise<Interval[]> {
  const horizonMs = 20 * 366 * 86_400_000;
  const feed = await feedToServe(ledger.pool, { tokenHash, pastMs: 0, horizonMs });
  const served = publishedEntries(feed!.sources, feed!).map(({ startAt, endAt }) => ({
    startAt,
    endAt,
  }));
  const etag = createHash('sha256').update(JSON.stringify(served)).digest('hex');
  await keepServing(ledger.pool, feed!, { etag, served });
  return served;
}

const block = (resourceId: string, [from, to]: readonly [number, number]) =>
  ledger.admin.query(
    `INSERT INTO block (tenant_id, id, resource_id, start_at, end_at) VALUES ($1, $2, $3, $4, $5)`,
    [TENANT, randomUUID(), resourceId, hour(from), hour(to)],
  );

const unblock = (resourceId: string) =>
  ledger.admin.query(`UPDATE block SET removed_at = clock_timestamp() WHERE resource_id = $1`, [
    resourceId,
  ]);

async function echoesOf({ connection }: Platform): Promise<string[]> {
  const { rows } = await ledger.admin.query<{ rootId: string }>(
    `SELECT DISTINCT root_id AS "rootId" FROM busy WHERE connection_id = $1
        AND is_echo(tenant_id, connection_id, root_id) ORDER BY 1`,
    [connection.connectionId],
  );
  return rows.map((row) => row.rootId);
}

/** Lets the clocks go on: everything noted so far happened earlier. */
const later = (hours: number) =>
  ledger.admin.query(
    `WITH a AS (UPDATE echo SET gone_since = gone_since - $1 * interval '1 hour')
     UPDATE feed_serving SET first_at = first_at - $1 * interval '1 hour',
       last_at = last_at - $1 * interval '1 hour'`,
    [hours],
  );

const span = ([from, to]: readonly [number, number]) => ({
  startAt: Date.parse(hour(from)),
  endAt: Date.parse(hour(to)),
});

describe('what comes back', () => {
  test('an entry wholly inside what its platform was served is an echo, any other is not', async () => {
    const resourceId = await addResource(ledger.admin);
    const platform = await addPlatform(resourceId);
    await block(resourceId, [0, 24]);
    expect(await fetchFeed(platform)).toEqual([span([0, 24])]);
    const changes = listed(
      anEvent('back', [0, 24]),
      anEvent('part', [3, 5]),
      anEvent('more', [20, 30]),
    );
    await sync(ledger.pool, platform.connection, { changes });
    expect(await echoesOf(platform)).toEqual(['back', 'part']);
  });

  test('what was served longer ago than two days explains nothing', async () => {
    const resourceId = await addResource(ledger.admin);
    const platform = await addPlatform(resourceId);
    await block(resourceId, [0, 24]);
    await fetchFeed(platform);
    await later(49);
    await sync(ledger.pool, platform.connection, { changes: listed(anEvent('own', [0, 24])) });
    expect(await echoesOf(platform)).toEqual([]);
  });

  test('what another platform was served explains nothing', async () => {
    const resourceId = await addResource(ledger.admin);
    const [one, other] = [await addPlatform(resourceId), await addPlatform(resourceId)];
    await block(resourceId, [0, 24]);
    await fetchFeed(other);
    await sync(ledger.pool, one.connection, { changes: listed(anEvent('own', [0, 24])) });
    expect(await echoesOf(one)).toEqual([]);
  });

  test('an echo blocks, and is published to nobody', async () => {
    const resourceId = await addResource(ledger.admin);
    const [one, other] = [await addPlatform(resourceId), await addPlatform(resourceId)];
    await block(resourceId, [0, 24]);
    await fetchFeed(one);
    await sync(ledger.pool, one.connection, { changes: listed(anEvent('back', [0, 24])) });
    await unblock(resourceId);
    expect(await fetchFeed(other)).toEqual([]);
    const busy = await ledger.admin.query(`SELECT FROM busy WHERE resource_id = $1`, [resourceId]);
    expect(busy.rowCount).toBe(1);
  });

  test('a day after its platform fetched a feed without it, it is an ordinary entry', async () => {
    const resourceId = await addResource(ledger.admin);
    const [one, other] = [await addPlatform(resourceId), await addPlatform(resourceId)];
    await block(resourceId, [0, 24]);
    await fetchFeed(one);
    await sync(ledger.pool, one.connection, { changes: listed(anEvent('back', [0, 24])) });
    await unblock(resourceId);
    await later(72);
    expect(await echoesOf(one)).toEqual(['back']);
    await fetchFeed(one);
    await later(23);
    expect(await echoesOf(one)).toEqual(['back']);
    await later(2);
    expect(await echoesOf(one)).toEqual([]);
    expect(await fetchFeed(other)).toEqual([span([0, 24])]);
    const over = await echoesOver(ledger.pool, 10);
    expect(over).toContainEqual(one.connection);
    await endEchoes(ledger.pool, one.connection);
    expect(await echoesOver(ledger.pool, 10)).not.toContainEqual(one.connection);
  });

  test('what a platform sells after it fetched a feed that let it is an ordinary entry a day after that fetch', async () => {
    const resourceId = await addResource(ledger.admin);
    const [one, other] = [await addPlatform(resourceId), await addPlatform(resourceId)];
    await block(resourceId, [0, 24]);
    await fetchFeed(one);
    await unblock(resourceId);
    await fetchFeed(one);
    await later(2);
    await sync(ledger.pool, one.connection, { changes: listed(anEvent('sold', [0, 24])) });
    await fetchFeed(one);
    expect(await echoesOf(one)).toEqual(['sold']);
    await later(23);
    expect(await fetchFeed(other)).toEqual([span([0, 24])]);
    await sync(ledger.pool, one.connection, { changes: listed(anEvent('sold', [0, 23])) });
    expect(await echoesOf(one)).toEqual([]);
  });

  test('what comes after its platform fetched a feed without it ends no hold unseen', async () => {
    const resourceId = await addResource(ledger.admin);
    const platform = await addPlatform(resourceId);
    await block(resourceId, [0, 24]);
    await fetchFeed(platform);
    await unblock(resourceId);
    await fetchFeed(platform);
    const held = aHold(resourceId);
    expect(await holdUnits(ledger.pool, held)).toMatchObject({ kind: 'held' });
    await sync(ledger.pool, platform.connection, { changes: listed(anEvent('sold', [0, 24])) });
    expect(await commitBooking(ledger.pool, held)).toMatchObject({ kind: 'contested' });
  });

  test('what says back a booking is in no conflict with it', async () => {
    const resourceId = await addResource(ledger.admin);
    const platform = await addPlatform(resourceId);
    const held = aHold(resourceId);
    await holdUnits(ledger.pool, held);
    await commitBooking(ledger.pool, held);
    await fetchFeed(platform);
    await sync(ledger.pool, platform.connection, { changes: listed(anEvent('back', [0, 1])) });
    expect(await echoesOf(platform)).toEqual(['back']);
    expect(await entriesOf(ledger.pool, `booking/${held.bookingId}`)).not.toContain(
      'booking.conflict',
    );
  });

  test('a source that comes back in time keeps its echo one', async () => {
    const resourceId = await addResource(ledger.admin);
    const platform = await addPlatform(resourceId);
    await block(resourceId, [0, 24]);
    await fetchFeed(platform);
    await sync(ledger.pool, platform.connection, { changes: listed(anEvent('back', [0, 24])) });
    await unblock(resourceId);
    await fetchFeed(platform);
    await later(12);
    await block(resourceId, [0, 24]);
    await fetchFeed(platform);
    await later(24);
    expect(await echoesOf(platform)).toEqual(['back']);
  });

  test('an echo that moves out of what was served is an ordinary entry at once', async () => {
    const resourceId = await addResource(ledger.admin);
    const platform = await addPlatform(resourceId);
    await block(resourceId, [0, 24]);
    await fetchFeed(platform);
    await sync(ledger.pool, platform.connection, { changes: listed(anEvent('back', [0, 24])) });
    await sync(ledger.pool, platform.connection, { changes: listed(anEvent('back', [0, 48])) });
    expect(await echoesOf(platform)).toEqual([]);
  });
});

test('a feed leaves out what its own subscriber said, and says what the others said', async () => {
  const resourceId = await addResource(ledger.admin);
  const [one, other] = [await addPlatform(resourceId), await addPlatform(resourceId)];
  await sync(ledger.pool, one.connection, { changes: listed(anEvent('sold', [0, 24])) });
  expect(await fetchFeed(one)).toEqual([]);
  expect(await fetchFeed(other)).toEqual([span([0, 24])]);
});

test('three platforms that import what we publish and say it back come to rest, and so do they after a cancellation', async () => {
  const resourceId = await addResource(ledger.admin);
  const platforms = await Promise.all([1, 2, 3].map(() => addPlatform(resourceId)));
  /** What each sold itself, and what it imported last. */
  const own = new Map<Platform, readonly [number, number][]>([[platforms[0]!, [[0, 24]]]]);
  const said = new Map<Platform, Set<string>>();
  const round = async () => {
    for (const platform of platforms) {
      const imported = await fetchFeed(platform);
      const spans = [...(own.get(platform) ?? []).map(span), ...imported];
      const events = spans.map(({ startAt, endAt }) =>
        anEvent(`${startAt}-${endAt}`, [0, 0], {
          start: { kind: 'utc', at: new Date(startAt).toISOString() },
          end: { kind: 'utc', at: new Date(endAt).toISOString() },
        }),
      );
      const now = new Set(events.map((one) => one.nativeId));
      const left = [...(said.get(platform) ?? [])].filter((id) => !now.has(id));
      await sync(ledger.pool, platform.connection, {
        changes: [...listed(...events), ...gone(...left)],
      });
      said.set(platform, now);
    }
    await later(3);
  };
  const state = () => JSON.stringify([...said.values()].map((ids) => [...ids].toSorted()));
  for (let n = 0; n < 3; n += 1) await round();
  const rest = state();
  for (let n = 0; n < 20; n += 1) await round();
  expect(state()).toBe(rest);
  expect([...said.values()].map((ids) => ids.size)).toEqual([1, 1, 1]);
  own.clear();
  for (let n = 0; n < 3; n += 1) await round();
  expect([...said.values()].map((ids) => ids.size)).toEqual([0, 0, 0]);
});
