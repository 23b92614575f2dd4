import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { MirrorEvent } from '../../src/channels/channel-provider.ts';
import { hourOn } from '../laws/bench.ts';
import type { BenchCalendar } from '../laws/bench.ts';
import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import type { CaldavSettings } from '../../src/channels/caldav/provider.ts';
import { openCaldavBench } from '../laws/caldav-bench.ts';
import type { CaldavBench } from '../laws/caldav-bench.ts';

let opened: CaldavBench | undefined;
const bench = (): CaldavBench => opened!;
beforeAll(async () => {
  opened = await openCaldavBench();
});
afterAll(() => opened?.close());
beforeEach(() => bench().takePosition({ name: 'usual', switches: {} }));

const nameOf = ({ calendar }: BenchCalendar) => new URL(calendar.id).pathname.split('/').at(-2);
const stored = async (at: BenchCalendar) =>
  (
    (await bench().control('GET', `caldav/calendars/${nameOf(at)}/objects`)) as {
      objects: { name: string; uid: string; ics: string; etag: string }[];
    }
  ).objects;
const eventOn = (day: number, rest: Partial<MirrorEvent> = {}): MirrorEvent => ({
  ...hourOn(day),
  status: 'confirmed',
  summary: 'Booked, by; us',
  marker: 'marker-1',
  ...rest,
});
const write = (at: BenchCalendar, event: MirrorEvent, ifMatch: string | null = null) =>
  bench().provider.write({ ...at, id: 'mirror-1', generation: 0, event, ifMatch });

test('a mirror is one resource named by its own UUID, with an end and our marker', async () => {
  const at = await bench().newCalendar();
  const { nativeId } = await write(at, eventOn(1, { status: 'tentative' }));
  const [object] = await stored(at);
  const uuid = /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
  expect(object!.name).toBe(nativeId);
  expect(object!.uid).toMatch(uuid);
  expect(nativeId).toBe(`${object!.uid}.ics`);
  for (const line of ['STATUS:TENTATIVE', 'TRANSP:OPAQUE', 'X-HOLDFAST-MARKER:marker-1'])
    expect(object!.ics).toContain(`\r\n${line}\r\n`);
  expect(object!.ics).toMatch(/\r\nDTEND:20270102T100000Z\r\n/);
  expect(await bench().provider.read({ ...at, nativeId })).toMatchObject({ status: 'tentative' });
});

test('names that must be the UID are taken', async () => {
  await bench().takePosition({ name: 'strict', switches: { 'caldav.namesMustMatchUid': true } });
  const at = await bench().newCalendar();
  await write(at, eventOn(1));
  expect(await stored(at)).toHaveLength(1);
});

test('an update whose answer was lost is done when it is repeated', async () => {
  const at = await bench().newCalendar();
  const { etag } = await write(at, eventOn(1));
  await bench().fault({ on: 'write', drop: 'after' });
  await expect(write(at, eventOn(2), etag)).rejects.toMatchObject({ kind: 'unavailable' });
  const [object] = await stored(at);
  expect(await write(at, eventOn(2), etag)).toMatchObject({ etag: object!.etag });
});

test('an update of what somebody deleted asks for the next generation', async () => {
  const at = await bench().newCalendar();
  const { etag, nativeId } = await write(at, eventOn(1));
  await bench().deleteEvent(at, nativeId);
  await expect(write(at, eventOn(2), etag)).rejects.toMatchObject({
    kind: 'conflict',
    code: 'id-spent',
  });
});

test.each(['403', '409', '412'])(
  'our UID under a name of somebody else (%s) asks for the next generation',
  async (status) => {
    const at = await bench().newCalendar();
    const { nativeId } = await write(at, eventOn(1));
    const [object] = await stored(at);
    await bench().deleteEvent(at, nativeId);
    const path = `caldav/calendars/${nameOf(at)}/objects/copied.ics`;
    await bench().control('PUT', path, { ics: object!.ics });
    await bench().takePosition({ name: status, switches: { 'caldav.uidConflictStatus': status } });
    await expect(write(at, eventOn(2))).rejects.toMatchObject({
      kind: 'conflict',
      code: 'id-spent',
    });
    expect(await stored(at)).toHaveLength(1);
  },
);

test("an etag that is the version's before, or missing, is replaced by the one read back", async () => {
  for (const putEtag of ['stale', 'absent']) {
    await bench().takePosition({ name: putEtag, switches: { 'caldav.putEtag': putEtag } });
    const at = await bench().newCalendar();
    const first = await write(at, eventOn(1));
    const second = await write(at, eventOn(2), first.etag);
    const [object] = await stored(at);
    expect(second.etag).toBe(object!.etag);
  }
});

test('a removal on condition succeeds where nothing is left to remove', async () => {
  const at = await bench().newCalendar();
  const { etag, nativeId } = await write(at, eventOn(1));
  await bench().deleteEvent(at, nativeId);
  const gone = { ...at, id: 'mirror-1', generation: 0, nativeId, ifMatch: etag };
  await expect(bench().provider.remove(gone)).resolves.toBeUndefined();
});

test('a name that would lead out of the calendar stays in it', async () => {
  const at = await bench().newCalendar();
  for (const nativeId of ['//127.0.0.1:1/x', 'http://127.0.0.1:1/x', '@127.0.0.1:1/x'])
    expect(await bench().provider.read({ ...at, nativeId })).toBeNull();
});

test('a mirror is read back uncompressed, since proxies that compress change its etag', async () => {
  const at = await bench().newCalendar();
  const { fetchOutside } = bench().settings;
  const settings: CaldavSettings = {
    ...bench().settings,
    fetchOutside: async (request) => {
      const answer = await fetchOutside(request);
      const { etag } = answer.headers;
      const isPlain = request.headers?.['accept-encoding'] === 'identity';
      return isPlain || !etag
        ? answer
        : { ...answer, headers: { ...answer.headers, etag: `W/${etag}` } };
    },
  };
  const provider = createCaldavProvider(settings);
  const asked = { ...at, id: 'mirror-1', generation: 0 };
  const { etag } = await provider.write({ ...asked, event: eventOn(1), ifMatch: null });
  await provider.write({ ...asked, event: eventOn(2), ifMatch: etag });
  expect((await stored(at))[0]!.ics).toMatch(/\r\nDTSTART:20270103T090000Z\r\n/);
});
