import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { calendarPath } from '../support/calendar.ts';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addPaymentAccount, addResource, connectGoogle, type Scene } from '../support/scene.ts';
import { booked, cancel, openShop, PRICE_MINOR, type Asked, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let temporal: Client;
beforeAll(async () => {
  holdfast = await startHoldfast();
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  temporal = new Client({ connection, namespace: inject('temporalNamespace') });
});
afterAll(async () => {
  await temporal.connection.close();
  await holdfast.stop();
});

interface Standing {
  shop: Shop;
  scene: Scene;
  asked: Asked;
}

/** A paid booking, shown in the calendar that conflicts will come from. */
async function standing(
  conflicts: Record<string, unknown>,
  more: { connection?: Record<string, unknown> } = {},
): Promise<Standing> {
  const shop = await openShop(holdfast, { settings: { conflicts } });
  const scene = await connectGoogle(holdfast, {
    resourceId: shop.resourceId,
    settings: more.connection ?? {},
  });
  const asked = { ...(await booked(holdfast, shop)), calendarId: scene.calendarId };
  await untilSettled(holdfast, [asked]);
  return { shop, scene, asked };
}

/** Somebody puts a longer entry over the booking, in the owner's calendar. */
async function over({ scene, asked }: Standing, hours = 2): Promise<string> {
  const end = new Date(Date.parse(asked.startAt) + hours * 3_600_000).toISOString();
  const { event } = await holdfast.control<{ event: { id: string } }>(
    'POST',
    `${calendarPath(scene.calendarId)}/events`,
    { summary: 'Family', start: { dateTime: asked.startAt }, end: { dateTime: end } },
  );
  return event.id;
}

/** Its span can be offered again only without the outside event. */
async function withoutIt({ scene, asked }: Standing, event: string): Promise<Asked> {
  await holdfast.control('DELETE', `${calendarPath(scene.calendarId)}/events/${event}`);
  return asked;
}

interface Shown {
  id: string;
  state: string;
  outcome: string | null;
  decidedBy: string | null;
  deadlineAt: string | null;
  askedBecause: string | null;
  links: { workflowId: string };
}

const untilConflict = async (asked: Asked, passes: (one: Shown) => boolean): Promise<Shown> => {
  const { body } = await until(
    () => holdfast.call('GET', `/conflicts?bookingId=${asked.id}`),
    ({ body }) => body.items.length === 1 && passes(body.items[0]),
    30_000,
  );
  return body.items[0];
};
const isSettled = ({ state }: Shown) => state === 'settled';
const read = async ({ id }: Asked) => (await holdfast.call('GET', `/bookings/${id}`)).body;

const untilRefunded = async (asked: Asked) => {
  const { body } = await until(
    () => holdfast.call('GET', `/bookings/${asked.id}`),
    (answer) => answer.body.payment.refundedMinor === PRICE_MINOR,
    30_000,
  );
  return body;
};

describe('an outside event over a paid booking', () => {
  it('keeps its time where theirs is kept: called off, everything given back, our event gone', async () => {
    const scene = await standing({ rule: 'keep-theirs' });
    const event = await over(scene);
    expect(await untilRefunded(scene.asked)).toMatchObject({
      state: 'cancelled',
      reason: 'conflict',
      owedMinor: 0,
    });
    expect(await untilConflict(scene.asked, isSettled)).toMatchObject({
      outcome: 'cancelled',
      decidedBy: 'rule',
    });
    await untilSettled(holdfast, [await withoutIt(scene, event)]);
  });

  it('is moved to another unit without cost, where one is free', async () => {
    const price = { per: 'booking', amountMinor: PRICE_MINOR, currency: 'eur' };
    const accountId = await addPaymentAccount(holdfast);
    const settings = { price, conflicts: { rule: 'keep-theirs' } };
    const resourceId = await addResource(holdfast, { capacity: 2, settings });
    const shop: Shop = { resourceId, accountId, calendarId: null, connectionId: null, nextHour: 0 };
    const scene = await connectGoogle(holdfast, { resourceId });
    await holdfast.call('PATCH', `/connections/${scene.connectionId}`, { unit: 1 });
    const asked = await booked(holdfast, shop);
    await over({ shop, scene, asked });
    expect(await untilConflict(asked, isSettled)).toMatchObject({ outcome: 'moved' });
    expect(await read(asked)).toMatchObject({
      state: 'confirmed',
      units: [2],
      startAt: asked.startAt,
      payment: { capturedMinor: PRICE_MINOR, refundedMinor: 0 },
    });
    await untilSettled(holdfast, [asked]);
  });

  it('leaves the booking where ours is kept, and the entry says so', async () => {
    const scene = await standing({ rule: 'keep-ours' });
    await over(scene);
    const settled = await untilConflict(scene.asked, isSettled);
    expect(settled).toMatchObject({ outcome: 'kept-ours', decidedBy: 'rule' });
    expect(await read(scene.asked)).toMatchObject({
      state: 'confirmed',
      attention: null,
      conflicts: [{ id: settled.id }],
    });
    await untilSettled(holdfast, [scene.asked]);
  });

  it('loses by key to a booking that was first, and wins by a higher priority', async () => {
    const first = await standing({ rule: 'by-key' });
    await over(first);
    expect(await untilConflict(first.asked, isSettled)).toMatchObject({ outcome: 'kept-ours' });
    const outranked = await standing({ rule: 'by-key' }, { connection: { priority: 200 } });
    await over(outranked);
    await untilRefunded(outranked.asked);
    expect(await untilConflict(outranked.asked, isSettled)).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('a conflict that asks', () => {
  it('is a workflow to watch until an operator decides, whose word counts once', async () => {
    const scene = await standing({ rule: 'ask' });
    const event = await over(scene);
    const waiting = await untilConflict(scene.asked, () => true);
    expect(waiting).toMatchObject({ state: 'open', askedBecause: null });
    expect((await read(scene.asked)).attention).toBe('conflict');
    const handle = temporal.workflow.getHandle(waiting.links.workflowId);
    await until(
      () => handle.query<{ step: string }, []>('status').catch(() => ({ step: '' })),
      ({ step }) => step === 'wait-for-person',
    );
    const decide = (keep: string) =>
      holdfast.call('POST', `/conflicts/${waiting.id}/decide`, { keep });
    expect((await decide('theirs')).status).toBe(200);
    expect((await decide('theirs')).status).toBe(200);
    expect((await decide('ours')).body.type).toContain('conflict-decided');
    expect(await untilRefunded(scene.asked)).toMatchObject({ state: 'cancelled' });
    await untilSettled(holdfast, [await withoutIt(scene, event)]);
    await handle.result();
    expect((await read(scene.asked)).attention).toBeNull();
  });

  it('is decided also when its run is gone, while news of it arrive', async () => {
    const scenes = await Promise.all(Array.from({ length: 8 }, () => standing({ rule: 'ask' })));
    const decisions = scenes.map(async (scene) => {
      await over(scene);
      const { id, links } = await untilConflict(scene.asked, () => true);
      const run = temporal.workflow.getHandle(links.workflowId);
      const end = () =>
        run.terminate().then(
          () => true,
          () => false,
        );
      await until(end, Boolean);
      const answer = await holdfast.call('POST', `/conflicts/${id}/decide`, { keep: 'ours' });
      return [answer.status, answer.body.decision];
    });
    expect(await Promise.all(decisions)).toEqual(scenes.map(() => [200, 'ours']));
    for (const { asked } of scenes)
      expect(await untilConflict(asked, isSettled)).toMatchObject({ outcome: 'kept-ours' });
  });

  it('is decided at its deadline', async () => {
    const scene = await standing({ rule: 'ask', onDeadline: 'keep-theirs' });
    await holdfast.database.pool.query(
      `UPDATE resource SET settings = jsonb_set(settings, '{conflicts,deadlineMs}', '1500') WHERE id = $1`,
      [scene.shop.resourceId],
    );
    await over(scene);
    await untilRefunded(scene.asked);
    expect(await untilConflict(scene.asked, isSettled)).toMatchObject({ decidedBy: 'deadline' });
  });

  it('about what may be a copy of ours has no deadline, and is over when that goes away', async () => {
    const scene = await standing({ rule: 'keep-theirs' });
    const id = await over(scene, 1);
    expect(await untilConflict(scene.asked, () => true)).toMatchObject({
      state: 'open',
      askedBecause: 'copy',
      deadlineAt: null,
    });
    await holdfast.control('DELETE', `${calendarPath(scene.scene.calendarId)}/events/${id}`);
    expect(await untilConflict(scene.asked, isSettled)).toMatchObject({ outcome: 'gone' });
    expect(await read(scene.asked)).toMatchObject({ state: 'confirmed', attention: null });
  });

  it('does not keep the guest from cancelling', async () => {
    const scene = await standing({ rule: 'ask' });
    await over(scene);
    await untilConflict(scene.asked, ({ state }) => state === 'open');
    const answer = await cancel(holdfast, scene.asked.id);
    expect([answer.status, answer.body.state]).toEqual([200, 'cancelled']);
    expect(await untilConflict(scene.asked, isSettled)).toMatchObject({ outcome: 'booking-over' });
    await until(
      () => read(scene.asked),
      ({ attention }) => attention === null,
    );
  });
});
