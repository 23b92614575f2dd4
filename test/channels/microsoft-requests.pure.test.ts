import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMicrosoftProvider } from '../../src/channels/microsoft/provider.ts';
import { freshCopy, hourOn, WINDOW } from '../laws/bench.ts';
import type { BenchCalendar } from '../laws/bench.ts';
import { openMicrosoftBench } from '../laws/microsoft-bench.ts';
import type { MicrosoftBench } from '../laws/microsoft-bench.ts';

describe('calendars, mirrors and free/busy at Graph', () => {
  let bench: MicrosoftBench;
  beforeAll(async () => {
    bench = await openMicrosoftBench();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.takePosition({ name: 'usual', switches: {} }));

  const pathOf = ({ calendar }: Pick<BenchCalendar, 'calendar'>) =>
    `microsoft/calendars/${encodeURIComponent(calendar.id)}`;
  const mirror = (status: 'confirmed' | 'tentative' = 'confirmed', marker = 'booking-9') => ({
    ...hourOn(1),
    status,
    summary: 'Booked',
    marker,
  });

  test('calendars are listed with what may be done with them, as they are now', async () => {
    const [own, read, shared] = [
      await bench.newCalendar(),
      await bench.newCalendar(),
      await bench.newCalendar(),
    ];
    await bench.control('PUT', pathOf(own), { name: 'Renamed' });
    await bench.control('PUT', pathOf(read), { canEdit: false });
    await bench.control('PUT', pathOf(shared), { sharedBy: 'colleague@example.com' });
    const listed = await bench.provider.listCalendars(own);
    const one = (at: BenchCalendar) => listed.find(({ id }) => id === at.calendar.id);
    expect(one(own)).toMatchObject({ name: 'Renamed', push: true, write: true, primary: false });
    expect(one(read)).toMatchObject({ push: true, write: false });
    expect(one(shared)).toMatchObject({ push: false });
    expect(listed.filter(({ primary }) => primary).map(({ id }) => id)).toEqual([
      bench.mainCalendarId,
    ]);
    await bench.control('DELETE', pathOf(own));
    const later = await bench.provider.listCalendars(own);
    expect(later.some(({ id }) => id === own.calendar.id)).toBe(false);
  });

  test('all pages of the list are read', async () => {
    const at = await bench.newCalendar();
    const before = (await bench.provider.listCalendars(at)).length;
    for (let n = 0; n < 105; n += 1) await bench.newCalendar();
    expect(await bench.provider.listCalendars(at)).toHaveLength(before + 105);
  });

  test('a calendar’s zone is that of its mailbox, by its Windows name', async () => {
    const answers = [
      { value: [{ id: 'c', isDefaultCalendar: true, owner: { address: 'Me@example.com' } }] },
      { value: [{ workingHours: { timeZone: { name: 'Romance Standard Time' } } }] },
    ];
    const provider = createMicrosoftProvider({
      ...bench.settings,
      fetch: () => Promise.resolve(Response.json(answers.shift())),
    });
    const access = { kind: 'bearer', accessToken: 't' } as const;
    expect(await provider.listCalendars({ access })).toMatchObject([{ timeZone: 'Europe/Paris' }]);
  });

  test('one booking may be mirrored to several calendars of a mailbox', async () => {
    const [one, other] = [await bench.newCalendar(), await bench.newCalendar()];
    const input = { id: 'b', generation: 0, event: mirror(), ifMatch: null };
    const first = await bench.provider.write({ ...one, ...input });
    const second = await bench.provider.write({ ...other, ...input });
    expect(second.nativeId).not.toBe(first.nativeId);
    for (const at of [one, other]) expect((await freshCopy(bench, at)).events.size).toBe(1);
  });

  test.each(['400', '409'])(
    'a create refused with %s as a twin finds the first event',
    async (how) => {
      await bench.control('PUT', 'switches', { 'microsoft.duplicateTransaction': how });
      const at = await bench.newCalendar();
      const input = { ...at, id: 'b', generation: 0, event: mirror(), ifMatch: null };
      const first = await bench.provider.write(input);
      // The search of the second write does not find the event yet.
      const blind = { host: 'microsoft', method: 'GET', path: '/events\\?', status: 200 };
      await bench.control('POST', 'faults', { ...blind, body: { value: [] } });
      const second = await bench.provider.write({ ...input, event: { ...mirror(), ...hourOn(2) } });
      expect(second.nativeId).toBe(first.nativeId);
      const { events } = await freshCopy(bench, at);
      expect(events.size).toBe(1);
      expect([...events.values()][0]!.start).toMatchObject({ at: hourOn(2).startAt });
    },
  );

  test('where the refusal names no event, it is found in its time', async () => {
    const at = await bench.newCalendar();
    const input = { ...at, id: 'b', generation: 0, event: mirror(), ifMatch: null };
    const first = await bench.provider.write(input);
    const blind = { host: 'microsoft', method: 'GET', path: '/events\\?', status: 200, times: 2 };
    await bench.control('POST', 'faults', { ...blind, body: { value: [] } });
    const body = { error: { code: 'ErrorDuplicateTransactionId', message: 'Text' } };
    await bench.fault({ on: 'write', status: 409, body });
    expect((await bench.provider.write(input)).nativeId).toBe(first.nativeId);
  });

  test('a hold is tentative, and a mirror that a person deleted is a spent id', async () => {
    const at = await bench.newCalendar();
    const input = { ...at, id: 'b', generation: 0, event: mirror('tentative'), ifMatch: null };
    const { nativeId, etag } = await bench.provider.write(input);
    expect(await bench.provider.read({ ...at, nativeId })).toMatchObject({ status: 'tentative' });
    await bench.deleteEvent(at, nativeId);
    expect(await bench.provider.read({ ...at, nativeId })).toBeNull();
    const update = bench.provider.write({ ...input, event: mirror(), ifMatch: etag });
    await expect(update).rejects.toMatchObject({ kind: 'conflict', code: 'id-spent' });
  });

  test('a mirror that a person moved refuses the next update, and reads as moved', async () => {
    const at = await bench.newCalendar();
    const input = { ...at, id: 'b', generation: 0, event: mirror(), ifMatch: null };
    const { nativeId, etag } = await bench.provider.write(input);
    await bench.editEvent(at, nativeId, hourOn(5));
    const update = bench.provider.write({ ...input, ifMatch: etag });
    await expect(update).rejects.toMatchObject({ kind: 'conflict', code: 'conditionNotMet' });
    const read = await bench.provider.read({ ...at, nativeId });
    expect(read).toMatchObject({ start: { at: hourOn(5).startAt }, marker: 'booking-9' });
  });

  test('what the mailbox says is taken is told of its main calendar only', async () => {
    const at = await bench.newCalendar();
    const main = { ...at, calendar: { id: bench.mainCalendarId, timeZone: 'Europe/Paris' } };
    const ids = await bench.seedEvents(main, [hourOn(3), hourOn(5), hourOn(6), hourOn(99)]);
    const edit = (id: string, showAs: string) =>
      bench.control('PATCH', `${pathOf(main)}/events/${encodeURIComponent(id)}`, { showAs });
    await edit(ids[1]!, 'free');
    await edit(ids[2]!, 'tentative');
    const window = { startAt: WINDOW.startAt, endAt: WINDOW.startAt + 120 * 86_400_000 };
    const taken = await bench.provider.freeBusy({ ...main, window });
    expect(taken?.map(({ startAt }) => new Date(startAt).toISOString())).toEqual(
      [3, 6, 99].map((day) => hourOn(day).startAt),
    );
    expect(await bench.provider.freeBusy({ ...at, window })).toBeNull();
  });

  test('a mailbox too full for one answer is asked in parts', async () => {
    const lengths: number[] = [];
    const own = { id: 'c', isDefaultCalendar: true, owner: { address: 'me@example.com' } };
    const provider = createMicrosoftProvider({
      ...bench.settings,
      fetch: (_url, init) => {
        if (!init?.body) return Promise.resolve(Response.json(own));
        const { startTime, endTime } = JSON.parse(init.body as string) as Record<
          string,
          { dateTime: string }
        >;
        const [from, to] = [startTime, endTime].map((one) => Date.parse(`${one!.dateTime}Z`));
        const days = (to! - from!) / 86_400_000;
        lengths.push(days);
        const full = { error: { responseCode: '5006' } };
        return Promise.resolve(
          Response.json({ value: [days > 10 ? full : { scheduleItems: [] }] }),
        );
      },
    });
    const access = { kind: 'bearer', accessToken: 't' } as const;
    const calendar = { id: 'c', timeZone: 'UTC' };
    const window = { startAt: WINDOW.startAt, endAt: WINDOW.startAt + 40 * 86_400_000 };
    expect(await provider.freeBusy({ access, calendar, window })).toEqual([]);
    expect(lengths).toEqual([40, 20, 10, 10, 20, 10, 10]);
  });

  test('a mailbox over its four requests at once is asked to wait, and says for how long', async () => {
    await bench.control('PUT', 'switches', { 'microsoft.serviceTimeMs': 40 });
    const at = await bench.newCalendar();
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, () => bench.provider.listCalendars(at)),
    );
    const refused = all.filter((one) => one.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused)
      expect(reason).toMatchObject({ kind: 'rate-limited', retryAfterMs: 1_000 });
  });
});
