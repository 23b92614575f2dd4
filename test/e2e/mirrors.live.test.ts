import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { calendarPath, connectionOf, freeHours, resync } from '../support/calendar.ts';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, liftFaults, recordEnd, recorded, release, untilHeld } from '../support/outside.ts';
import { at, connectGoogle, type Scene } from '../support/scene.ts';
import { booked, openShop, PRICE_MINOR, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterEach(() => liftFaults(holdfast));
afterAll(() => holdfast.stop());

interface Entry {
  id: string;
  status: string;
  transparency?: string;
  start: { dateTime: string };
  end: { dateTime: string };
  extendedProperties?: { private?: Record<string, string> };
}

/** What stands in a calendar now. */
async function eventsIn({ calendarId }: { calendarId: string }): Promise<Entry[]> {
  const { events } = await holdfast.control<{ events: Entry[] }>(
    'GET',
    `${calendarPath(calendarId)}/events`,
  );
  return events.filter(({ status }) => status !== 'cancelled');
}

const oursIn = async (scene: { calendarId: string }): Promise<Entry[]> =>
  (await eventsIn(scene)).filter(
    ({ extendedProperties }) => extendedProperties?.private?.['holdfast'],
  );

const untilOurs = (scene: { calendarId: string }, passes: (events: Entry[]) => boolean) =>
  until(() => oursIn(scene), passes, 30_000);

const startsAt = (entry: Entry | undefined, instant: string): boolean =>
  entry !== undefined && Date.parse(entry.start.dateTime) === Date.parse(instant);

async function shopWithCalendar(settings: Record<string, unknown> = {}) {
  const shop = await openShop(holdfast);
  const scene = await connectGoogle(holdfast, { resourceId: shop.resourceId, settings });
  return { shop, scene };
}

/** A paid booking whose event stands in the calendar, and has come back with the feed. */
async function mirrored(shop: Shop, scene: Scene) {
  const asked = await booked(holdfast, shop);
  const [event] = await untilOurs(scene, (events) => events.length > 0);
  await untilSettled(holdfast, [{ ...asked, calendarId: scene.calendarId }]);
  await until(
    () => holdfast.call('GET', `/connections/${scene.connectionId}/events`),
    ({ body }) => body.items.some((one: { nativeId: string }) => one.nativeId === event!.id),
  );
  return { ...asked, calendarId: scene.calendarId, event: event! };
}

const edit = (scene: Scene, id: string, body: object) =>
  holdfast.control('PATCH', `${calendarPath(scene.calendarId)}/events/${id}`, body);
const drop = (scene: Scene, id: string) =>
  holdfast.control('DELETE', `${calendarPath(scene.calendarId)}/events/${id}`);

describe('somebody edits our event', () => {
  it('moved or deleted it is put back, and nothing is sold twice or freed meanwhile', async () => {
    const { shop, scene } = await shopWithCalendar();
    const asked = await mirrored(shop, scene);
    const later = (ms: number) => ({
      dateTime: new Date(Date.parse(asked.startAt) + ms).toISOString(),
    });
    await edit(scene, asked.event.id, { start: later(7_200_000), end: later(10_800_000) });
    await untilOurs(scene, ([one]) => startsAt(one, asked.startAt));
    await drop(scene, asked.event.id);
    await untilOurs(scene, ([one]) => startsAt(one, asked.startAt) && one!.id !== asked.event.id);
    await untilSettled(holdfast, [asked]);
    const { body } = await holdfast.call('GET', `/connections/${scene.connectionId}/mirrors`);
    expect(body.items).toMatchObject([
      { id: asked.id, of: 'booking', state: 'written', restores: 2 },
    ]);
    expect((await holdfast.call('GET', `/bookings/${asked.id}`)).body.mirrors).toHaveLength(1);
  });

  it('gone after a reset it is put back too, also where removals are followed', async () => {
    const { shop, scene } = await shopWithCalendar({ outsideEdits: 'follow' });
    const asked = await mirrored(shop, scene);
    // No word of the deletion is left: the feed starts anew, without it.
    await holdfast.control('POST', `${calendarPath(scene.calendarId)}/expire-sync-tokens`);
    await drop(scene, asked.event.id);
    await untilOurs(scene, ([one]) => startsAt(one, asked.startAt) && one!.id !== asked.event.id);
    expect((await holdfast.call('GET', `/bookings/${asked.id}`)).body.state).toBe('confirmed');
    await untilSettled(holdfast, [asked]);
  });

  it('deleted it calls the booking off and gives the money back, where that is followed', async () => {
    const { shop, scene } = await shopWithCalendar({ outsideEdits: 'follow' });
    const asked = await mirrored(shop, scene);
    await drop(scene, asked.event.id);
    const { body } = await until(
      () => holdfast.call('GET', `/bookings/${asked.id}`),
      (answer) => answer.body.payment.refundedMinor === PRICE_MINOR,
      30_000,
    );
    expect(body).toMatchObject({ state: 'cancelled', reason: 'removed-at-channel' });
    await untilSettled(holdfast, [asked]);
  });

  it('moved it moves the booking, where that is followed and the time can be had', async () => {
    const { shop, scene } = await shopWithCalendar({ outsideEdits: 'follow' });
    const asked = await mirrored(shop, scene);
    const other = await mirrored(shop, scene);
    const later = (ms: number) => ({
      dateTime: new Date(Date.parse(asked.startAt) + ms).toISOString(),
    });
    const read = async () => (await holdfast.call('GET', `/bookings/${asked.id}`)).body;
    await edit(scene, asked.event.id, { start: later(7_200_000), end: later(10_800_000) });
    await until(read, (body) => body.startAt === later(7_200_000).dateTime, 30_000);
    const now = { ...asked, startAt: (await read()).startAt, endAt: (await read()).endAt };
    await untilSettled(holdfast, [now, other]);
    const onOther = { start: { dateTime: other.startAt }, end: { dateTime: other.endAt } };
    await edit(scene, asked.event.id, onOther);
    await until(read, (body) => body.attention === 'mirror-moved-at-channel', 30_000);
    expect(await read()).toMatchObject({ startAt: now.startAt, state: 'confirmed' });
  });

  it('a fourth time within a day, a person is called and can have it put back', async () => {
    const { shop, scene } = await shopWithCalendar();
    const asked = await mirrored(shop, scene);
    const later = (ms: number) => ({
      dateTime: new Date(Date.parse(asked.startAt) + ms).toISOString(),
    });
    for (let n = 1; n <= 4; n += 1) {
      await edit(scene, asked.event.id, { start: later(7_200_000), end: later(10_800_000) });
      if (n < 4) await untilOurs(scene, ([one]) => startsAt(one, asked.startAt));
    }
    const mirrors = `/connections/${scene.connectionId}/mirrors`;
    const { body } = await until(
      () => holdfast.call('GET', `${mirrors}?attention=true`),
      (answer) => answer.body.items.length === 1,
    );
    expect(body.items[0]).toMatchObject({ state: 'needs-attention', restores: 3 });
    const booking = () => holdfast.call('GET', `/bookings/${asked.id}`);
    expect((await booking()).body.attention).toBe('mirror-edited-again-and-again');
    const { body: connection } = await holdfast.call('GET', `/connections/${scene.connectionId}`);
    expect(connection).toMatchObject({
      counts: { mirrorsInQuestion: 1 },
      mirrorsWaiting: [
        { reason: 'edited-again-and-again', count: 1, advice: expect.stringContaining('restore') },
      ],
    });
    expect((await holdfast.call('POST', `${mirrors}/${asked.id}/restore`)).status).toBe(204);
    await untilOurs(scene, ([one]) => startsAt(one, asked.startAt));
    expect((await booking()).body.attention).toBeNull();
  });
});

describe('what we write', () => {
  it('comes back as a notification and causes no other write, also over a restart', async () => {
    const { shop, scene } = await shopWithCalendar();
    const since = await recordEnd(holdfast);
    await mirrored(shop, scene);
    await holdfast.worker.stop();
    await holdfast.startWorker();
    await resync(holdfast, scene);
    const writes = (await recorded(holdfast, { host: 'google', since })).filter(
      ({ method, path }) =>
        method !== 'GET' &&
        path?.includes(encodeURIComponent(scene.calendarId)) &&
        /\/events(\/|$)/.test(path) &&
        !path.endsWith('/watch'),
    );
    expect(writes.map(({ method }) => method)).toEqual(['POST']);
  });

  it('is one event when the worker is killed between the channel’s yes and its own', async () => {
    const { shop, scene } = await shopWithCalendar();
    await fault(holdfast, {
      host: 'google',
      method: 'POST',
      path: `/calendars/${encodeURIComponent(scene.calendarId)}/events(\\?|$)`,
      hold: 'write',
      holdAt: 'after',
    });
    const asked = await booked(holdfast, shop);
    await untilHeld(holdfast, 'write');
    await holdfast.worker.stop('SIGKILL');
    await release(holdfast, 'write');
    await holdfast.startWorker();
    await untilSettled(holdfast, [{ ...asked, calendarId: scene.calendarId }], 40_000);
    expect(await oursIn(scene)).toHaveLength(1);
    expect((await connectionOf(holdfast, scene)).body.counts.busySpans).toBe(0);
  });

  it('shows holds as tentative if asked, blocks too, and all of it goes with the connection', async () => {
    const { resourceId } = await openShop(holdfast);
    const scene = await connectGoogle(holdfast, {
      resourceId,
      settings: { mirrorHolds: true, mirror: 'reference' },
    });
    const block = await holdfast.call('POST', `/resources/${resourceId}/blocks`, {
      startAt: at(9, 8),
      endAt: at(9, 9),
    });
    expect(block.status).toBe(201);
    await untilOurs(scene, (events) => events.length === 1);
    const hold = await holdfast.call('POST', '/bookings', {
      resourceId,
      startAt: at(8, 8),
      endAt: at(8, 9),
      payment: { kind: 'external' },
    });
    expect(hold.status).toBe(201);
    const shown = await untilOurs(scene, (events) => events.length === 2);
    expect(shown.map(({ status }) => status).toSorted()).toEqual(['confirmed', 'tentative']);
    await holdfast.call('POST', `/bookings/${hold.body.id}/confirm`, { reference: 'invoice-1' });
    await untilOurs(scene, (events) => events.every(({ status }) => status === 'confirmed'));
    await holdfast.call('DELETE', `/resources/${resourceId}/blocks/${block.body.id}`);
    await untilOurs(scene, (events) => events.length === 1);

    const other = await connectGoogle(holdfast, { resourceId });
    await untilOurs(other, (events) => events.length === 1);
    const leave = (one: Scene, body: object) =>
      holdfast.call('POST', `/connections/${one.connectionId}/disconnect`, body);
    expect((await leave(scene, { removeMirrors: true })).body.status).toBe('disconnected');
    expect(await oursIn(scene)).toEqual([]);
    expect((await leave(other, {})).body.status).toBe('disconnected');
    expect(await oursIn(other)).toHaveLength(1);
  });
});

describe('a tool of somebody else copies between two of three calendars', () => {
  it('and the number of events comes to rest; copies block, and a person is asked', async () => {
    const shop = await openShop(holdfast);
    const scenes = [];
    for (let n = 0; n < 3; n += 1)
      scenes.push(await connectGoogle(holdfast, { resourceId: shop.resourceId }));
    const asked = await booked(holdfast, shop);
    for (const scene of scenes) await untilOurs(scene, (events) => events.length === 1);
    const tool = copier(scenes[0]!, scenes[1]!);
    const counts: number[] = [];
    for (let cycle = 0; cycle < 5; cycle += 1) {
      await tool();
      for (const scene of scenes)
        await holdfast.call('POST', `/connections/${scene.connectionId}/sync-now`);
      const all = await Promise.all(scenes.map(eventsIn));
      counts.push(all.flat().length);
    }
    // Three of ours, and one copy in each of the two; the third calendar is left alone.
    expect(counts).toEqual([5, 5, 5, 5, 5]);
    expect(await Promise.all(scenes.map(async (one) => (await oursIn(one)).length))).toEqual([
      1, 1, 1,
    ]);
    const { body } = await holdfast.call('GET', `/connections/${scenes[0]!.connectionId}/events`);
    expect(body.items.map((one: { effect: string }) => one.effect).toSorted()).toEqual([
      'mirror',
      'suspected-copy',
    ]);
    expect((await connectionOf(holdfast, scenes[0]!)).body.counts.busySpans).toBe(1);
    expect((await holdfast.call('GET', `/bookings/${asked.id}`)).body).toMatchObject({
      state: 'confirmed',
      attention: 'conflict',
    });
    const { rows } = await holdfast.database.pool.query<{ askedBecause: string | null }>(
      'SELECT asked_because AS "askedBecause" FROM conflict WHERE tenant_id = $1',
      [holdfast.tenantId],
    );
    expect(rows.every(({ askedBecause }) => askedBecause === 'copy')).toBe(true);
    const hour = new Date(asked.startAt).getUTCHours();
    expect(await freeHours(holdfast, shop, 2)).not.toContain(hour);
  });

  /** Copies what it did not make itself, in both directions, without properties of others. */
  function copier(one: Scene, other: Scene): () => Promise<void> {
    const made = new Set<string>();
    const copied = new Set<string>();
    const copy = async (from: Scene, to: Scene) => {
      for (const event of await eventsIn(from)) {
        if (made.has(event.id) || copied.has(`${from.calendarId}/${event.id}`)) continue;
        const answer = await holdfast.control<{ event: { id: string } }>(
          'POST',
          `${calendarPath(to.calendarId)}/events`,
          { summary: 'Copied', start: event.start, end: event.end },
        );
        copied.add(`${from.calendarId}/${event.id}`);
        made.add(answer.event.id);
      }
    };
    return async () => {
      await copy(one, other);
      await copy(other, one);
    };
  }
});
