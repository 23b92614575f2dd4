import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NeutralEvent } from '../../../src/domain/event.ts';
import { commitBooking } from '../../../src/store/bookings.ts';
import { holdUnits } from '../../../src/store/holds.ts';
import { listPasses } from '../../../src/store/history-of-events.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { restoreEvents } from '../../../temporal/activities/connection-restore.ts';
import type { Ledger } from '../../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  listed,
  openLedger,
} from '../../support/ledger.ts';
import { openPort, type PortScene } from './port-scene.ts';
import { copyOf } from './stored-copy.ts';

const DAY_MS = 86_400_000;

let ledger: Ledger;
let port: PortScene;
let key: ConnectionKey;
let resourceId: string;
/** All that the channel's calendar holds; delta passes bring nothing of it. */
let there: NeutralEvent[];
let entries: ReturnType<typeof copyOf>['entries'];
let busy: ReturnType<typeof copyOf>['busy'];
let row: ReturnType<typeof copyOf>['row'];
beforeAll(async () => {
  ledger = await openLedger();
  ({ entries, busy, row } = copyOf(ledger.pool, () => key));
});
afterAll(() => ledger.close());
beforeEach(async () => {
  port = openPort(ledger);
  there = [];
  port.answer = ({ cursor }) => ({ changes: cursor === null ? listed(...there) : [] });
  resourceId = await addResource(ledger.admin);
  key = await addConnection(ledger.admin, { resourceId });
});

/** Cursors that the channel was asked with since the last time. */
const cursors = () => port.asked.splice(0).map((one) => one.cursor);
describe('a restore', () => {
  const later = () => new Promise((resolve) => setTimeout(resolve, 20));
  const restore = (at: Date) => restoreEvents(port.deps, { ...key, at: at.toISOString() });
  beforeEach(() => {
    there = [anEvent('a', [0, 1]), anEvent('b', [2, 3])];
    port.deps.settings.repair!.nightly = false;
    port.deps.settings.repair!.compareEveryMs = null;
  });

  /** The moment before the channel changed, and what it changed to. */
  async function changed(): Promise<Date> {
    await port.pull(key);
    const at = new Date();
    await later();
    there = [anEvent('a', [10, 11]), anEvent('c', [4, 5])];
    await port.pull(key, true);
    await port.pull(key);
    port.nowAt = Date.now();
    return at;
  }

  test('makes entries and busy time what they were, and says so', async () => {
    const at = await changed();
    expect(await busy()).toEqual(['c', 'a']);
    expect(await restore(at)).toEqual({ changes: 3 });
    expect(await busy()).toEqual(['a', 'b']);
    expect(await entries()).toMatchObject([
      { type: 'connection.restored', data: { added: 1, changed: 1, removed: 1 } },
    ]);
    const [pass] = await listPasses(ledger.pool, key, { before: undefined, limit: 1 });
    expect(pass).toMatchObject({ kind: 'restore' });
  });

  test('lasts until the next pass, which reads everything', async () => {
    const at = await changed();
    await restore(at);
    cursors();
    await port.pull(key, true);
    expect(cursors()).toEqual([null]);
    expect(await busy()).toEqual(['c', 'a']);
  });

  test('does not say that the channel was read', async () => {
    const at = await changed();
    const before = (await row())['confirmed_at'];
    await restore(at);
    expect((await row())['confirmed_at']).toEqual(before);
  });

  test('asked for twice is made once', async () => {
    const at = await changed();
    await restore(at);
    expect(await restore(at)).toEqual({ changes: 0 });
    expect(await busy()).toEqual(['a', 'b']);
  });

  test('keeps entries withheld that were so, under the same content', async () => {
    const unclear = { nativeId: 'u', event: anEvent('u', [6, 7]), reason: 'bad-rule' };
    port.answer = ({ cursor }) =>
      cursor === null ? { changes: listed(...there), withheld: [unclear] } : {};
    await port.pull(key);
    const at = new Date();
    await later();
    port.answer = ({ cursor }) => (cursor === null ? { changes: listed(...there) } : {});
    await port.pull(key, true);
    expect(await busy()).toEqual(['a', 'b']);
    port.nowAt = Date.now();
    await restore(at);
    expect(await busy()).toEqual(['a', 'b', 'u']);
    const { rows } = await ledger.pool.query(
      `SELECT count(DISTINCT hash)::integer AS hashes, count(*)::integer AS versions
         FROM channel_event WHERE connection_id = $1 AND native_id = 'u'
          AND withheld_reason = 'bad-rule'`,
      [key.connectionId],
    );
    expect(rows).toEqual([{ hashes: 1, versions: 2 }]);
  });

  test('over a booking that was sold meanwhile is a conflict, as of any entry', async () => {
    const at = await changed();
    const held = aHold(resourceId);
    await holdUnits(ledger.pool, held);
    await commitBooking(ledger.pool, held);
    await restore(at);
    const { rows } = await ledger.pool.query<{ attention: string | null }>(
      'SELECT attention FROM booking WHERE id = $1',
      [held.bookingId],
    );
    expect(rows).toEqual([{ attention: 'conflict' }]);
  });

  test('of more than one page frees nothing before its end', async () => {
    there = Array.from({ length: 1_000 }, (_, n) => anEvent(`e${n}`, [n, n + 0.5]));
    await port.pull(key);
    const at = new Date();
    await later();
    there = [];
    await port.pull(key, true);
    expect(await busy()).toEqual([]);
    port.nowAt = Date.now();
    expect(await restore(at)).toEqual({ changes: 1_000 });
    expect(await busy()).toHaveLength(1_000);
  });

  test('to before the first complete pass, or to the future, is refused', async () => {
    await changed();
    for (const at of [new Date(0), new Date(Date.now() + DAY_MS)])
      await expect(restore(at)).rejects.toMatchObject({ code: 'before-first-pass' });
    expect(await busy()).toEqual(['c', 'a']);
  });
});
