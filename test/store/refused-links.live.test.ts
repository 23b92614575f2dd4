import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { openChange } from '../../src/store/changes.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { createLink, type LinkKind } from '../../src/store/links.ts';
import { probeChange, takeForChange } from '../../src/store/reschedules.ts';
import { change } from '../../src/store/transactions.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

/** A refusal says what of all that is linked is in the way. */
let ledger: Ledger;
let database: Database;
beforeAll(async () => {
  ledger = await openLedger();
  database = openDatabase({ url: ledger.appUrl, poolSize: 4 });
});
afterAll(async () => {
  await database.close();
  await ledger.close();
});

const link = (resourceId: string, linkedId: string, kind: LinkKind, units: number | null = null) =>
  change(database, (tx) =>
    createLink(tx, { tenantId: TENANT, resourceId }, { linkedId, kind, units }),
  );
const resources = (count: number) =>
  Promise.all(Array.from({ length: count }, () => addResource(ledger.admin)));

/** What a hold is refused with, without when. */
async function said(resourceId: string, from: number, more: Partial<StartBooking> = {}) {
  const input = aHold(resourceId, { startAt: hour(from), endAt: hour(from + 1), ...more });
  const answer = await holdUnits(ledger.pool, input);
  return answer.kind === 'refused' ? [answer.refusal, answer.linkedId] : [answer.kind];
}

test('a need that is used up and a part that is taken are named, what is taken of its own is not', async () => {
  const [treatment, other, room, villa] = await resources(4);
  await link(treatment!, room!, 'need', 1);
  await link(other!, room!, 'need', 1);
  await link(villa!, room!, 'part');
  expect(await said(treatment!, 0)).toEqual(['held']);
  expect(await said(treatment!, 0)).toEqual(['taken', undefined]);
  expect(await said(other!, 0)).toEqual(['linked-taken', room]);
  expect(await said(villa!, 0)).toEqual(['linked-taken', room]);
  expect(await said(room!, 0)).toEqual(['taken', undefined]);
});

test('a whole that is taken from outside is named to its parts, and to what needs them', async () => {
  const [villa, room, tour] = await resources(3);
  await link(villa!, room!, 'part');
  await link(tour!, room!, 'need', 1);
  const key = await addConnection(ledger.admin, { resourceId: villa! });
  await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 2])) });
  expect(await said(room!, 0)).toEqual(['linked-taken', villa]);
  expect(await said(room!, 0, { party: 1, bufferBeforeMs: 60_000 })).toEqual([
    'linked-taken',
    villa,
  ]);
  expect(await said(tour!, 0)).toEqual(['linked-taken', villa]);
  expect(await said(villa!, 0)).toEqual(['busy', undefined]);
  expect(await said(room!, 2)).toEqual(['held']);
});

test('also where a booking is moved', async () => {
  const [treatment, room] = await resources(2);
  await link(treatment!, room!, 'need', 1);
  const booking = aHold(treatment!);
  await holdUnits(ledger.pool, booking);
  await commitBooking(ledger.pool, booking);
  expect(await said(room!, 5)).toEqual(['held']);
  const ask = { ...booking, quoteId: null, startAt: hour(5), endAt: hour(6) };
  const refusal = { kind: 'refused', refusal: 'linked-taken', linkedId: room };
  expect(await probeChange(ledger.pool, { ...booking, ask })).toEqual(refusal);
  const moving = { tenantId: TENANT, bookingId: booking.bookingId, changeId: randomUUID() };
  await openChange(ledger.pool, { ...moving, reason: 'guest', kind: 'reschedule', ask });
  expect(await takeForChange(ledger.pool, { ...moving, ask })).toEqual(refusal);
});
