import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import { openCaldavBench } from '../laws/caldav-bench.ts';
import type { CaldavBench } from '../laws/caldav-bench.ts';
import { ask, emptyCopy, freshCopy, hourOn, meaning, runPass } from '../laws/bench.ts';
import type { BenchCalendar } from '../laws/bench.ts';

let opened: CaldavBench | undefined;
const bench = (): CaldavBench => opened!;
beforeAll(async () => {
  opened = await openCaldavBench({ pageSize: 4, multigetSize: 3 });
});
afterAll(() => opened?.close());
const position = (switches: Record<string, unknown>) =>
  bench().takePosition({ name: 'told', switches });
beforeEach(() => position({}));

const nameOf = ({ calendar }: BenchCalendar) => new URL(calendar.id).pathname.split('/').at(-2);
const seeded = async (count: number) => {
  const at = await bench().newCalendar();
  const ids = await bench().seedEvents(
    at,
    Array.from({ length: count }, (_, day) => hourOn(day)),
  );
  return { at, ids };
};

interface Entry {
  method: string;
  requestBody?: unknown;
}
const recorded = async (): Promise<Entry[]> =>
  ((await bench().control('GET', 'record?host=caldav')) as { entries: Entry[] }).entries;
const reportsWith = (entries: Entry[], text: string) =>
  entries.filter(({ requestBody }) => JSON.stringify(requestBody ?? '').includes(text));

test('an aged token that answers with everything is read as a listing: what vanished is gone', async () => {
  const { at, ids } = await seeded(6);
  const copy = await freshCopy(bench(), at);
  await bench().deleteEvent(at, ids[0]!);
  await bench().control('POST', `caldav/calendars/${nameOf(at)}/age-sync-tokens`);
  const pages = await runPass(bench(), at, { copy });
  expect(new Set(pages.map(({ kind }) => kind))).toEqual(new Set(['snapshot']));
  expect([...copy.events.keys()].toSorted()).toEqual(ids.slice(1).toSorted());
});

test('an aged token with nothing behind it removes nothing', async () => {
  const { at } = await seeded(6);
  const copy = await freshCopy(bench(), at);
  const before = meaning(copy);
  await bench().control('POST', `caldav/calendars/${nameOf(at)}/age-sync-tokens`);
  await runPass(bench(), at, { copy });
  expect(meaning(copy)).toEqual(before);
});

test('a limit is asked only of a server that has answered 507', async () => {
  const { at, ids } = await seeded(5);
  const before = (await recorded()).length;
  const copy = await freshCopy(bench(), at);
  await runPass(bench(), at, { copy });
  expect(reportsWith((await recorded()).slice(before), 'nresults')).toEqual([]);
  await position({ 'caldav.syncPageSize': 2 });
  const short = await freshCopy(bench(), at);
  expect([...short.events.keys()].toSorted()).toEqual(ids.toSorted());
  await runPass(bench(), at, { copy: short });
  expect(reportsWith((await recorded()).slice(before), 'nresults').length).toBeGreaterThan(0);
});

test('a pass goes on in another process, with the members that its first answer named', async () => {
  const { at, ids } = await seeded(10);
  const other = createCaldavProvider(bench().settings);
  const copy = emptyCopy();
  let turn = 0;
  const two = {
    ...bench(),
    provider: {
      ...bench().provider,
      pull: (input: Parameters<typeof other.pull>[0]) =>
        ((turn += 1) % 2 ? other : bench().provider).pull(input),
    },
  };
  const betweenPages = async () => {
    if (turn === 1) await bench().deleteEvent(at, ids.pop()!);
    if (turn === 2) ids.push(...(await bench().seedEvents(at, [hourOn(200)])));
  };
  await runPass(two, at, { copy, betweenPages });
  await runPass(two, at, { copy });
  expect([...copy.events.keys()].toSorted()).toEqual(ids.toSorted());
});

test('an exception that is taken back leaves our copy, and its series stays', async () => {
  const at = await bench().newCalendar();
  const [series] = await bench().seedEvents(at, [{ ...hourOn(4, 12), weeks: 20 }]);
  const from = hourOn(11, 12).startAt;
  await bench().occurrences?.move(at, series!, { from, ...hourOn(12, 12) });
  const copy = await freshCopy(bench(), at);
  expect([...copy.events.keys()].toSorted()).toEqual([series, `${series}#${from.slice(0, 19)}Z`]);
  await bench().editEvent(at, series!, { ...hourOn(4, 12), weeks: 20 });
  await runPass(bench(), at, { copy });
  expect([...copy.events.keys()]).toEqual([series]);
});

test('what cannot be read is withheld, and neither it nor its neighbours are lost', async () => {
  const { at, ids } = await seeded(3);
  const copy = await freshCopy(bench(), at);
  const path = `caldav/calendars/${nameOf(at)}/objects/${ids[0]}`;
  await bench().control('PUT', path, { ics: 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x' });
  await bench().editEvent(at, ids[1]!, hourOn(60));
  const [page] = await runPass(bench(), at, { copy });
  expect(page!.withheld).toEqual([{ nativeId: ids[0], reason: 'bad-calendar', event: null }]);
  expect([...copy.events.keys()].toSorted()).toEqual(ids.toSorted());
});

test('an entry that became a task is gone', async () => {
  const { at, ids } = await seeded(2);
  const copy = await freshCopy(bench(), at);
  const ics = `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTODO\r\nUID:x\r\nDTSTAMP:20260101T000000Z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n`;
  await bench().control('PUT', `caldav/calendars/${nameOf(at)}/objects/${ids[0]}`, { ics });
  await runPass(bench(), at, { copy });
  expect([...copy.events.keys()]).toEqual([ids[1]]);
});

test('a ctag that moves late hides a change for a quarter of an hour at most', async () => {
  await position({ 'caldav.syncCollection': 'forbidden', 'caldav.ctagDelayMs': 3_600_000 });
  const { at, ids } = await seeded(2);
  const copy = await freshCopy(bench(), at);
  await bench().deleteEvent(at, ids[0]!);
  bench().later(16 * 60_000);
  await runPass(bench(), at, { copy });
  expect([...copy.events.keys()]).toEqual([ids[1]]);
});

test('a server without sync tokens is read again only when something moved', async () => {
  await position({ 'caldav.syncCollection': 'notImplemented' });
  const { at } = await seeded(3);
  const copy = await freshCopy(bench(), at);
  const before = (await recorded()).length;
  const pages = await runPass(bench(), at, { copy });
  expect(pages).toMatchObject([{ kind: 'delta', changes: [] }]);
  expect((await recorded()).length - before).toBe(1);
  expect(reportsWith((await recorded()).slice(before), 'calendar-data')).toEqual([]);
});

test('an unchanged calendar costs one request, and its cursor stays small', async () => {
  const { at } = await seeded(9);
  const copy = await freshCopy(bench(), at);
  const before = (await recorded()).length;
  await runPass(bench(), at, { copy });
  expect((await recorded()).length - before).toBe(1);
  expect(copy.cursor!.length).toBeLessThan(1_000);
});

test('a first pass tells the zone that the calendar states', async () => {
  const { at } = await seeded(1);
  await bench().control('PUT', `caldav/calendars/${nameOf(at)}`, { timezone: 'Asia/Tokyo' });
  expect(await ask(bench(), at, {})).toMatchObject({ timeZone: 'Asia/Tokyo' });
});

test('what is taken by the server itself is what our copy takes', async () => {
  const { at } = await seeded(3);
  const window = { startAt: Date.parse(hourOn(0).startAt), endAt: Date.parse(hourOn(2).startAt) };
  const busy = await bench().provider.freeBusy({ ...at, window });
  expect(busy?.map(({ startAt }) => new Date(startAt).toISOString())).toEqual(
    [0, 1].map((day) => hourOn(day).startAt),
  );
  await position({ 'caldav.freeBusyQuery': 'unsupported' });
  expect(await bench().provider.freeBusy({ ...at, window })).toBeNull();
});

test('a cut listing that is another one when it is asked for again is read from its beginning', async () => {
  const at = await bench().newCalendar();
  const put = async (names: string, day: number) => {
    for (const name of names) {
      const stamp = hourOn(day).startAt.replace(/\.\d+|[-:]/g, '');
      const entry = ['BEGIN:VEVENT', `UID:${name}`, `DTSTAMP:${stamp}`, `DTSTART:${stamp}`];
      const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:x', ...entry, 'DURATION:PT1H'];
      const ics = [...lines, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');
      await bench().control('PUT', `caldav/calendars/${nameOf(at)}/objects/${name}.ics`, { ics });
    }
  };
  await put('mnopqrstabcd', 1);
  await position({ 'caldav.syncPageSize': 8 });
  const forgetful = {
    ...bench(),
    provider: {
      ...bench().provider,
      pull: (input: Parameters<CaldavBench['provider']['pull']>[0]) =>
        createCaldavProvider(bench().settings).pull(input),
    },
  };
  let isFirst = true;
  const betweenPages = async () => {
    if (isFirst) await put('mnopqrst', 2);
    isFirst = false;
  };
  const copy = emptyCopy();
  await runPass(forgetful, at, { copy, betweenPages });
  const all = Array.from('abcdmnopqrst', (name) => `${name}.ics`);
  expect([...copy.events.keys()].toSorted()).toEqual(all);
});
