import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitBooking } from '../../src/store/bookings.ts';
import { nameSealOf, noteCalendars, takeCalendarCheck } from '../../src/store/calendars.ts';
import type { SeenCalendar } from '../../src/store/calendars.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { vault } from '../support/api.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  entriesOf,
  openLedger,
  TENANT,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const names = nameSealOf(vault, TENANT);

async function scene() {
  const resourceId = await addResource(ledger.admin);
  const { connectionId } = await addConnection(ledger.admin, { resourceId });
  const account = { tenantId: TENANT, accountId: connectionId };
  const see = (more: Partial<SeenCalendar> = {}) =>
    noteCalendars(ledger.pool, account, {
      names,
      calendars: [{ id: 'primary', name: 'Rooms', write: true, shared: false, ...more }],
    });
  const row = async () => {
    const { rows } = await ledger.pool.query(
      `SELECT calendar_name AS name, writable, read_only_since AS since FROM connection WHERE id = $1`,
      [connectionId],
    );
    return rows[0] as { name: Buffer; writable: boolean; since: Date | null };
  };
  return { resourceId, connectionId, account, see, row };
}

test('a first name is no news, another one is, and the name stands nowhere in the open', async () => {
  const { connectionId, see, row } = await scene();
  await see();
  await see();
  expect(await entriesOf(ledger.pool, `connection/${connectionId}`)).toEqual([]);
  await see({ name: 'Chambers' });
  expect(names.open(connectionId, (await row()).name)).toBe('Chambers');
  expect(await entriesOf(ledger.pool, `connection/${connectionId}`)).toEqual([
    'connection.calendar-renamed',
  ]);
  const { rows } = await ledger.pool.query<{ text: string }>(
    `SELECT (SELECT string_agg(c::text, '') FROM connection c)
       || (SELECT string_agg(j::text, '') FROM journal j) AS text`,
  );
  expect(rows[0]!.text).not.toMatch(/Rooms|Chambers/);
});

test('a right to write that goes is told, and what was booked meanwhile is wished when it is back', async () => {
  const { resourceId, connectionId, see, row } = await scene();
  await see();
  expect(await see({ write: false })).toEqual([]);
  expect(await row()).toMatchObject({ writable: false, since: expect.any(Date) });
  const held = aHold(resourceId);
  await holdUnits(ledger.pool, held);
  await commitBooking(ledger.pool, held);
  const wished = () =>
    ledger.pool.query(`SELECT FROM mirror WHERE connection_id = $1`, [connectionId]);
  expect((await wished()).rowCount).toBe(0);
  expect(await see()).toEqual([connectionId]);
  expect(await row()).toMatchObject({ writable: true, since: null });
  expect((await wished()).rowCount).toBe(1);
  expect(
    (await entriesOf(ledger.pool, `connection/${connectionId}`)).filter((one) =>
      one.includes('rights'),
    ),
  ).toEqual(['connection.rights-changed', 'connection.rights-changed']);
});

test('an account is looked at by one of many, once in a while', async () => {
  const { account } = await scene();
  const turn = { everyMs: 60_000 };
  expect(await takeCalendarCheck(ledger.pool, account, turn)).toBe(false);
  await ledger.admin.query(
    `UPDATE account SET created_at = now() - interval '1 hour' WHERE id = $1`,
    [account.accountId],
  );
  const turns = await Promise.all(
    Array.from({ length: 8 }, () => takeCalendarCheck(ledger.pool, account, turn)),
  );
  expect(turns.filter(Boolean)).toHaveLength(1);
});
