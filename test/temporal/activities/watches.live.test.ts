import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, ChannelProvider } from '../../../src/channels/channel-provider.ts';
import { Failure } from '../../../src/domain/failure.ts';
import { markDirty, markWatchWanted } from '../../../src/store/gate.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { openWatches, takeOrphan } from '../../../src/store/watches.ts';
import { keepWatch, stopWatches } from '../../../temporal/activities/connection-watch.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import type { Ledger } from '../../support/ledger.ts';
import { UNLIMITED } from '../../support/limits.ts';
import { addConnection, addResource, openLedger } from '../../support/ledger.ts';

let ledger: Ledger;
let key: ConnectionKey;
let supports: { push: boolean; renewal: 'recreate' | 'extend' };
let publicUrl: string | null;
/** What was asked of the channel: verb and the watch it was about. */
let asked: { verb: string; watchId: string }[];
let secrets: Map<string, string>;
/** A failure is thrown once by the next call of the verb. */
let failing: Partial<Record<'watch' | 'renew' | 'unwatch', Error>>;
let onWatch: (watchId: string, secret: string) => Promise<unknown>;

const DAY_MS = 86_400_000;
const LIFE_MS = 7 * DAY_MS;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  key = await addConnection(ledger.admin, { resourceId: await addResource(ledger.admin) });
  supports = { push: true, renewal: 'recreate' };
  publicUrl = 'https://holdfast.test';
  asked = [];
  secrets = new Map();
  failing = {};
  onWatch = () => Promise.resolve();
});

function meet(verb: 'watch' | 'renew' | 'unwatch', watchId: string): void {
  asked.push({ verb, watchId });
  const failure = failing[verb];
  delete failing[verb];
  if (failure) throw failure;
}

const expiresAt = () => new Date(Date.now() + LIFE_MS).toISOString();

function deps(): ActivityDependencies {
  const provider: Pick<ChannelProvider, 'watch' | 'renew' | 'unwatch'> = {
    async watch({ watchId, secret }) {
      secrets.set(watchId, secret);
      await onWatch(watchId, secret);
      meet('watch', watchId);
      return { watchId, nativeId: `n-${watchId}`, expiresAt: expiresAt() };
    },
    async renew({ watch }) {
      meet('renew', watch.watchId);
      return { ...watch, expiresAt: expiresAt() };
    },
    async unwatch({ watch }) {
      meet('unwatch', watch.watchId);
    },
  };
  const google = { channel: 'google', supports, ...provider } as unknown as ChannelProvider;
  return {
    database: { pool: ledger.pool },
    channels: new Map<Channel, ChannelProvider>([['google', google]]),
    ...UNLIMITED,
    openAccess: () => Promise.resolve({ kind: 'bearer', accessToken: 'x' }),
    settings: { horizonMs: 0, publicUrl, pollsPerHour: 600 },
    now: () => Date.now(),
  } as unknown as ActivityDependencies;
}

const keep = () => keepWatch(deps(), key);
const verbs = () => asked.map((one) => one.verb);
const open = async () => (await openWatches(ledger.pool, key, null)).map((one) => one.watchId);
async function row(): Promise<Record<string, unknown>> {
  const { rows } = await ledger.pool.query<Record<string, unknown>>(
    `SELECT dirty, push_refused, watched_until IS NOT NULL AS watched,
       watch_wanted_at IS NOT NULL AS wanted FROM connection WHERE id = $1`,
    [key.connectionId],
  );
  return rows[0]!;
}
const clean = () =>
  ledger.admin.query('UPDATE connection SET dirty = false WHERE id = $1', [key.connectionId]);
const lost = (watchId: string) =>
  markWatchWanted(ledger.pool, { watchId, secret: secrets.get(watchId)!, kind: 'lost' });
const NOT_FOUND = new Failure({ kind: 'not-found', code: 'http-404' });
const DOWN = new Failure({ kind: 'unavailable', code: 'http-503' });

describe('a watch is renewed', () => {
  test('well before its end, and not at the same time as others made with it', async () => {
    const waits: number[] = [];
    for (let n = 0; n < 20; n += 1) waits.push((await keep()).renewAt - Date.now());
    for (const waitMs of waits) {
      expect(waitMs).toBeLessThan(LIFE_MS * 0.81);
      expect(waitMs).toBeGreaterThan(LIFE_MS * 0.69);
    }
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(LIFE_MS * 0.02);
  });

  test('by another one beside it, which is there before the old is stopped', async () => {
    expect(await keep()).toMatchObject({ watched: true, gap: true });
    const [old] = await open();
    expect(await keep()).toMatchObject({ watched: true, gap: false });
    expect(verbs()).toEqual(['watch', 'watch', 'unwatch']);
    expect(asked[2]).toMatchObject({ watchId: old });
    expect(await open()).toHaveLength(1);
    expect(await open()).not.toContain(old);
  });

  test('by extending the same one, where the channel can', async () => {
    supports.renewal = 'extend';
    await keep();
    const before = await open();
    expect(await keep()).toMatchObject({ watched: true, gap: false });
    expect(verbs()).toEqual(['watch', 'renew']);
    expect(await open()).toEqual(before);
  });

  test('by a new one, when the one to extend is not there any more', async () => {
    supports.renewal = 'extend';
    await keep();
    failing.renew = NOT_FOUND;
    expect(await keep()).toMatchObject({ watched: true });
    expect(verbs()).toEqual(['watch', 'renew', 'watch']);
    expect(await open()).toEqual([asked[2]!.watchId]);
    expect(asked[2]!.watchId).not.toBe(asked[0]!.watchId);
  });

  test('another time, when the channel is down meanwhile: the old one goes on', async () => {
    supports.renewal = 'extend';
    await keep();
    failing.renew = DOWN;
    await expect(keep()).rejects.toThrow('http-503');
    expect(await open()).toHaveLength(1);
    expect(await row()).toMatchObject({ watched: true });
  });
});

describe('a channel that says of a watch', () => {
  test('that it is lost leaves the connection polled, until there is another', async () => {
    supports.renewal = 'extend';
    await keep();
    const [watchId] = await open();
    await clean();
    expect(await lost(watchId!)).toMatchObject({ kind: 'marked', wasClean: true });
    expect(await row()).toMatchObject({ dirty: true, watched: false, wanted: true });
    expect(await keep()).toMatchObject({ watched: true, gap: true });
    expect(verbs()).toEqual(['watch', 'watch']);
    expect(await row()).toMatchObject({ watched: true, wanted: false });
  });

  test('that it wants extending has the wish kept in the row, whatever becomes of the signal', async () => {
    supports.renewal = 'extend';
    await keep();
    const [watchId] = await open();
    const secret = secrets.get(watchId!)!;
    await markWatchWanted(ledger.pool, { watchId: watchId!, secret, kind: 'renew' });
    expect(await row()).toMatchObject({ watched: true, wanted: true, dirty: true });
    await keep();
    expect(verbs()).toEqual(['watch', 'renew']);
    expect(await row()).toMatchObject({ wanted: false });
  });

  test('that it is lost, a day after another took its place, only has us look', async () => {
    await keep();
    const [old] = await open();
    await keep();
    await clean();
    await lost(old!);
    expect(await row()).toMatchObject({ dirty: true, watched: true, wanted: false });
    expect(await open()).toHaveLength(1);
  });

  test('anything with a wrong secret changes nothing', async () => {
    await keep();
    const [watchId] = await open();
    await clean();
    const guess = { watchId: watchId!, secret: 'guessed', kind: 'lost' } as const;
    expect(await markWatchWanted(ledger.pool, guess)).toEqual({ kind: 'unknown' });
    expect(await row()).toMatchObject({ dirty: false, watched: true, wanted: false });
    expect(await open()).toEqual([watchId]);
  });

  test('anything after the connection ended changes nothing', async () => {
    await keep();
    const [watchId] = await open();
    await stopWatches(deps(), key);
    await ledger.admin.query(
      `UPDATE connection SET disconnected_at = now(), dirty = false WHERE id = $1`,
      [key.connectionId],
    );
    expect(await lost(watchId!)).toMatchObject({ kind: 'marked', wasClean: false });
    expect(await row()).toMatchObject({ dirty: false });
  });
});

describe('a notification', () => {
  test('that comes before the channel has answered the making of its watch is not lost', async () => {
    await clean();
    onWatch = (watchId, secret) => markDirty(ledger.pool, { watchId, secret });
    await keep();
    expect(await row()).toMatchObject({ dirty: true, watched: true });
  });

  test('of the loss of a watch that is only being made has another made', async () => {
    onWatch = (watchId) => lost(watchId);
    await expect(keep()).rejects.toThrow('watch-lost');
    expect(await open()).toEqual([]);
    expect(await row()).toMatchObject({ watched: false, wanted: true });
    onWatch = () => Promise.resolve();
    expect(await keep()).toMatchObject({ watched: true, gap: true });
  });

  test('of a watch whose making was never answered still counts, and shows what is to be stopped', async () => {
    failing.watch = DOWN;
    await expect(keep()).rejects.toThrow('http-503');
    const { watchId } = asked[0]!;
    await keep();
    expect(asked[1]!.watchId).not.toBe(watchId);
    await clean();
    const hint = { watchId, secret: secrets.get(watchId)! };
    expect(await markDirty(ledger.pool, hint)).toMatchObject({ wasClean: true, stopped: true });
    expect(await takeOrphan(ledger.pool, watchId)).toMatchObject({ ...key, watchId });
    // One stop at a time.
    expect(await takeOrphan(ledger.pool, watchId)).toBeNull();
  });

  test('of a watch that was stopped at the channel is only late: nothing is left to stop', async () => {
    await keep();
    const [old] = await open();
    await keep();
    expect(await takeOrphan(ledger.pool, old!)).toBeNull();
  });

  test('of a watch that could not be stopped shows it again', async () => {
    await keep();
    const [old] = await open();
    failing.unwatch = DOWN;
    await keep();
    expect(await takeOrphan(ledger.pool, old!)).toMatchObject({ watchId: old });
  });
});

test.each(['no-public-address', 'channel-cannot', 'calendar-refused'])(
  'a calendar that is polled says why: %s',
  async (why) => {
    if (why === 'no-public-address') publicUrl = null;
    if (why === 'channel-cannot') supports.push = false;
    if (why === 'calendar-refused')
      failing.watch = new Failure({
        kind: 'invalid',
        code: 'pushNotSupportedForRequestedResource',
      });
    const { watched, renewAt } = await keep();
    expect(watched).toBe(false);
    expect(await row()).toMatchObject({ push_refused: why, watched: false });
    expect(await open()).toEqual([]);
    // It is asked again some day, since what stands in the way may go.
    expect(renewAt).toBeGreaterThan(Date.now() + 0.8 * DAY_MS);
    supports.push = true;
    publicUrl = 'https://holdfast.test';
    expect(await keep()).toMatchObject({ watched: true });
    expect(await row()).toMatchObject({ push_refused: null, watched: true });
  },
);
