import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, ChannelProvider } from '../../../src/channels/channel-provider.ts';
import { Failure } from '../../../src/domain/failure.ts';
import { cancelBooking, commitBooking } from '../../../src/store/bookings.ts';
import { holdUnits } from '../../../src/store/holds.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { openWatches } from '../../../src/store/watches.ts';
import { inTurn } from '../../../temporal/activities/call-channel.ts';
import { carryOutMirrors } from '../../../temporal/activities/connection-mirrors.ts';
import { keepWatch, stopWatches } from '../../../temporal/activities/connection-watch.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import type { Ledger } from '../../support/ledger.ts';
import { UNLIMITED } from '../../support/limits.ts';
import { addConnection, addResource, aHold, openLedger } from '../../support/ledger.ts';
import { FREELY } from '../../support/plain-terms.ts';

let ledger: Ledger;
let resourceId: string;
let key: ConnectionKey;
let asked: { verb: string; nativeId?: string | null; generation?: number }[];
/** What the channel answers to each verb; a failure is thrown. */
let answers: Partial<Record<'write' | 'remove' | 'watch' | 'unwatch', unknown>>;

beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  resourceId = await addResource(ledger.admin);
  key = await addConnection(ledger.admin, { resourceId });
  asked = [];
  answers = {};
});

const DOWN = new Failure({ kind: 'unavailable', code: 'http-503' });
const verb = (name: keyof typeof answers) => async (input: object) => {
  asked.push({ verb: name, ...input });
  const answer = answers[name];
  if (answer instanceof Error) throw answer;
  return name === 'watch' ? { ...input, ...(answer as object) } : answer;
};

function deps(): ActivityDependencies {
  const provider = {
    channel: 'google',
    supports: { oauth: true, push: true, write: true, renewal: 'recreate', absenceConfirmMs: 0 },
    write: verb('write'),
    remove: verb('remove'),
    watch: verb('watch'),
    unwatch: verb('unwatch'),
    read: () => Promise.resolve(null),
  };
  return {
    database: { pool: ledger.pool },
    channels: new Map<Channel, ChannelProvider>([
      ['google', provider as unknown as ChannelProvider],
    ]),
    ...UNLIMITED,
    openAccess: () => Promise.resolve({ kind: 'bearer', accessToken: 'x' }),
    settings: { horizonMs: 0, publicUrl: 'https://holdfast.test' },
    now: () => Date.now(),
  } as unknown as ActivityDependencies;
}

describe('a booking called off', () => {
  const booked = async () => {
    const held = aHold(resourceId);
    await holdUnits(ledger.pool, held);
    await commitBooking(ledger.pool, held);
    return held;
  };

  test('after a write whose answer was lost is removed all the same', async () => {
    const held = await booked();
    answers.write = DOWN;
    await expect(carryOutMirrors(deps(), key)).rejects.toThrow('http-503');
    await cancelBooking(ledger.pool, { ...held, ...FREELY, reason: 'requested' });
    expect(await carryOutMirrors(deps(), key)).toEqual({ written: 1, left: 0 });
    expect(asked).toMatchObject([
      { verb: 'write', generation: 0 },
      { verb: 'remove', id: held.bookingId, generation: 0, nativeId: null },
    ]);
  });

  test('before anything was written asks nothing of the channel', async () => {
    const held = await booked();
    await cancelBooking(ledger.pool, { ...held, ...FREELY, reason: 'requested' });
    expect(await carryOutMirrors(deps(), key)).toEqual({ written: 1, left: 0 });
    expect(asked).toEqual([]);
  });

  test('counts an attempt before it is made, so that a worker that dies in it is remembered', async () => {
    const held = await booked();
    answers.write = new Error('the process ended here');
    await expect(carryOutMirrors(deps(), key)).rejects.toThrow('ended here');
    await cancelBooking(ledger.pool, { ...held, ...FREELY, reason: 'requested' });
    await carryOutMirrors(deps(), key);
    expect(asked.map((one) => one.verb)).toEqual(['write', 'remove']);
  });

  test('and written before is removed by its native id', async () => {
    const held = await booked();
    answers.write = { nativeId: 'native', etag: null };
    await carryOutMirrors(deps(), key);
    await cancelBooking(ledger.pool, { ...held, ...FREELY, reason: 'requested' });
    await carryOutMirrors(deps(), key);
    expect(asked[1]).toMatchObject({ verb: 'remove', nativeId: 'native' });
  });
});

describe('a watch', () => {
  const taken = { nativeId: 'n', expiresAt: new Date(Date.now() + 86_400_000).toISOString() };
  const watch = async () => {
    answers.watch = taken;
    return keepWatch(deps(), key);
  };
  const open = () => openWatches(ledger.pool, key, null);

  test.each([
    ['is tried again', DOWN],
    ['is a matter of consent', new Failure({ kind: 'unauthorized', code: 'http-401' })],
    ['is a bug', new Error('bug')],
  ])('that fails leaves no open row, when that %s', async (_name, failure) => {
    answers.watch = failure;
    await expect(keepWatch(deps(), key)).rejects.toThrow(failure.message);
    expect(await open()).toEqual([]);
  });

  test('is made although the old one cannot be stopped', async () => {
    await watch();
    answers.unwatch = DOWN;
    expect(await watch()).toMatchObject({ watched: true });
    expect(asked.map((one) => one.verb)).toEqual(['watch', 'watch', 'unwatch']);
    expect(await open()).toHaveLength(1);
  });

  test('is tried to be stopped again when the connection ends', async () => {
    await watch();
    answers.unwatch = DOWN;
    await expect(stopWatches(deps(), key)).rejects.toThrow('http-503');
    delete answers.unwatch;
    await stopWatches(deps(), key);
    expect(await open()).toEqual([]);
  });
});

describe('a channel that asks to be left alone', () => {
  const asks = (retryAfterMs: number) => () =>
    Promise.reject(new Failure({ kind: 'rate-limited', code: 'http-429', retryAfterMs }));

  test('for long ends the turn, with the wait for the workflow to keep', async () => {
    await expect(inTurn(asks(60_000))).rejects.toMatchObject({
      name: 'ApplicationFailure',
      type: 'rate-limited',
      nonRetryable: true,
      details: ['http-429', 60_000],
    });
  });

  test('for a moment is asked again in the same turn', async () => {
    await expect(inTurn(asks(2_000))).rejects.toMatchObject({ name: 'Failure' });
  });
});
