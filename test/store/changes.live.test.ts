import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StartChange } from '../../src/commands.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { changesToResume, closeChange, openChange } from '../../src/store/changes.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { Ledger } from '../support/ledger.ts';
import { addResource, aHold, openLedger } from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const booked = async () => {
  const booking = aHold(await addResource(ledger.admin));
  await holdUnits(ledger.pool, booking);
  await commitBooking(ledger.pool, booking);
  const { tenantId, bookingId } = booking;
  return (changeId: string): StartChange => ({
    tenantId,
    bookingId,
    changeId,
    kind: 'cancel',
    reason: 'guest',
    ask: { quoteId: null, keepMinor: 0 },
  });
};

test('one change of a booking is open at a time, and opening the same one again is safe', async () => {
  const change = await booked();
  const ids = ['a', 'b', 'c', 'd'];
  const opened = await Promise.all(ids.map((id) => openChange(ledger.pool, change(id))));
  const winners = ids.filter((_, index) => opened[index]!.kind === 'opened');
  expect(winners).toHaveLength(1);
  const winner = winners[0]!;
  expect(await openChange(ledger.pool, change(winner))).toEqual({ kind: 'opened' });
  expect(await openChange(ledger.pool, change('e'))).toEqual({ kind: 'busy', changeId: winner });
});

test('a change that ended answers as it did, and lets another one be opened', async () => {
  const change = await booked();
  await openChange(ledger.pool, change('a'));
  const answer = { kind: 'declined', code: 'card_declined' } as const;
  await closeChange(ledger.pool, { ...change('a'), answer, outcome: { result: 'declined' } });
  expect(await openChange(ledger.pool, change('a'))).toEqual({ kind: 'over', answer });
  expect(await openChange(ledger.pool, change('b'))).toEqual({ kind: 'opened' });
});

test('what was opened and never closed is found, and what falls due, with all that it asks', async () => {
  const change = await booked();
  await openChange(ledger.pool, change('left'));
  const other = await booked();
  await ledger.admin.query(
    `INSERT INTO booking_change (tenant_id, booking_id, id, kind, state, due_at)
     SELECT $1, $2, id, 'balance', 'due', clock_timestamp() + wait
       FROM (VALUES ('due', interval '0'), ('later', interval '1 day')) AS v(id, wait)`,
    [other('due').tenantId, other('due').bookingId],
  );
  const found = await changesToResume(ledger.pool, { olderThanMs: 0, limit: 100 });
  expect(found).toContainEqual(change('left'));
  expect(found).toContainEqual({ ...other('due'), kind: 'balance', ask: {}, reason: 'balance' });
  expect(found.map((one) => one.changeId)).not.toContain('later');
  expect(
    await openChange(
      ledger.pool,
      found.find((one) => one.changeId === 'due')!,
    ),
  ).toEqual({
    kind: 'opened',
  });
});
