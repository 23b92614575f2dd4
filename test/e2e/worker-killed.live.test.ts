import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilSettled } from '../support/checker.ts';
import { createGates, type Gate, type Gates } from '../support/gates.ts';
import { startHoldfast, type Answer, type Holdfast } from '../support/holdfast.ts';
import { fault, release, STRIPE_CALLS, untilHeld, type StripeCall } from '../support/outside.ts';
import { addPaymentAccount } from '../support/scene.ts';
import { book, cancel, openShop, type Asked } from '../support/shop.ts';

/**
 * The worker is killed while bookings stand at every place of the saga at once: calls to the payment
 * service are held by the emulator, moves in the ledger by a lock in the database.
 */
let holdfast: Holdfast;
let gates: Gates;
let accountId: string;
beforeAll(async () => {
  holdfast = await startHoldfast({ HOLDFAST_DATABASE_POOL: '60' });
  gates = await createGates(holdfast.adminUrl);
  accountId = await addPaymentAccount(holdfast);
});
afterAll(async () => {
  await gates.close();
  await holdfast.stop();
});

const EACH = 2;

interface Group {
  place: string;
  bookings: Asked[];
  /** What happens to the step that was under way, after its worker is dead. */
  afterDeath: () => Promise<void>;
}

/** Bookings whose call to the payment service is held before or after it is done. */
async function heldAtStripe(call: StripeCall, holdAt: 'before' | 'after'): Promise<Group> {
  const place = `${call}-${holdAt}`;
  await fault(holdfast, { ...STRIPE_CALLS[call], times: EACH, hold: place, holdAt });
  const shop = await openShop(holdfast, { accountId });
  const bookings = Array.from({ length: EACH }, () => book(holdfast, shop));
  await untilHeld(holdfast, place, EACH);
  return { place, bookings, afterDeath: () => release(holdfast, place) };
}

/** Bookings whose move waits in the database, and happens after the worker's death or never. */
async function heldInLedger(move: 'held' | 'confirmed', happens: boolean): Promise<Group> {
  const shop = await openShop(holdfast, { accountId });
  const gate: Gate = await gates.shut(shop.resourceId, move);
  const bookings = Array.from({ length: EACH }, () => book(holdfast, shop));
  await gate.untilWaiting(EACH);
  return {
    place: `${move}-${happens ? 'after' : 'before'}`,
    bookings,
    async afterDeath() {
      if (!happens) await gate.breakOff();
      await gate.open();
    },
  };
}

async function everywhere(): Promise<Group[]> {
  const groups: Group[] = [];
  for (const call of ['create', 'confirm', 'capture'] as const)
    for (const holdAt of ['before', 'after'] as const)
      groups.push(await heldAtStripe(call, holdAt));
  for (const move of ['confirmed', 'held'] as const)
    for (const happens of [false, true]) groups.push(await heldInLedger(move, happens));
  return groups;
}

async function killThere(groups: readonly Group[]): Promise<void> {
  await holdfast.worker.stop('SIGKILL');
  for (const group of groups) await group.afterDeath();
}

const placed = (groups: readonly Group[], states: ReadonlyMap<string, string | null>) =>
  Object.fromEntries(
    groups.map(({ place, bookings }) => [place, bookings.map(({ id }) => states.get(id))]),
  );

it('killed before and after every step, its bookings are confirmed and paid once', async () => {
  const groups = await everywhere();
  await killThere(groups);
  await holdfast.startWorker();
  const bookings = groups.flatMap((group) => group.bookings);
  const judged = await untilSettled(holdfast, bookings, 90_000);
  const states = new Map(judged.map(({ id, state }) => [id, state]));
  expect(placed(groups, states)).toEqual(
    Object.fromEntries(groups.map(({ place }) => [place, ['confirmed', 'confirmed']])),
  );
});

it('with a cancel between kill and restart, what was answered holds and no money is kept', async () => {
  const groups = await everywhere();
  await killThere(groups);
  const bookings = groups.flatMap((group) => group.bookings);
  const cancelling = bookings.map(async (asked): Promise<[string, Answer | null]> => [
    asked.id,
    await cancel(holdfast, asked.id).catch(() => null),
  ]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await holdfast.startWorker();
  const answers = new Map(await Promise.all(cancelling));
  const judged = await untilSettled(holdfast, bookings, 90_000);
  const states = new Map(judged.map(({ id, state }) => [id, state]));
  const promised = judged.filter(({ id }) => answers.get(id)?.status === 200);
  expect(promised.filter(({ state }) => state !== 'cancelled')).toEqual([]);
  // A hold that never happened cannot be cancelled; the others were there to be.
  const shown = placed(groups, states);
  expect(shown).toMatchObject({ 'held-before': ['confirmed', 'confirmed'] });
  for (const place of ['confirmed-after', 'capture-before', 'capture-after'])
    expect(shown[place]).toEqual(['cancelled', 'cancelled']);
});

it('killed three times while bookings pour in, every one ends right', async () => {
  const shop = await openShop(holdfast, { accountId, calendar: true });
  const bookings: Asked[] = [];
  for (let round = 0; round < 3; round += 1) {
    for (let n = 0; n < 8; n += 1) {
      const card = n % 4 === 3 ? 'pm_card_visa_chargeDeclined' : 'pm_card_visa';
      bookings.push(book(holdfast, shop, { card }));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await new Promise((resolve) => setTimeout(resolve, 40 * round));
    await holdfast.worker.stop('SIGKILL');
    await holdfast.startWorker();
  }
  const judged = await untilSettled(holdfast, bookings, 90_000);
  expect(judged.filter(({ state }) => state === 'confirmed').length).toBe(18);
});
