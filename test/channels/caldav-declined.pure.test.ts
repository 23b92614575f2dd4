import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { openCaldavBench } from '../laws/caldav-bench.ts';
import type { CaldavBench } from '../laws/caldav-bench.ts';
import { ask, freshCopy, runPass } from '../laws/bench.ts';
import type { BenchCalendar } from '../laws/bench.ts';

let opened: CaldavBench | undefined;
const bench = (): CaldavBench => opened!;
beforeAll(async () => {
  opened = await openCaldavBench({ pageSize: 4, multigetSize: 3 });
});
afterAll(() => opened?.close());
beforeEach(() => bench().takePosition({ name: 'told', switches: {} }));

const nameOf = ({ calendar }: BenchCalendar) => new URL(calendar.id).pathname.split('/').at(-2);
const answer = (partstat: string, address = bench().given.username) =>
  `ATTENDEE;PARTSTAT=${partstat}:mailto:${address}`;
const occurrence = (days: number, more: readonly string[] = []) => {
  const date = `202701${String(days).padStart(2, '0')}`;
  return [`DTSTART:${date}T090000Z`, `DTEND:${date}T100000Z`, ...more];
};

/** Entries of one UID, as another client or the server's own scheduling leaves them. */
async function put(at: BenchCalendar, name: string, entries: readonly string[][]): Promise<void> {
  const ics = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Test//EN',
    ...entries.flatMap((lines) => [
      'BEGIN:VEVENT',
      `UID:${name}`,
      'DTSTAMP:20260101T000000Z',
      ...lines,
      'END:VEVENT',
    ]),
    'END:VCALENDAR',
    '',
  ].join('\r\n');
  await bench().control('PUT', `caldav/calendars/${nameOf(at)}/objects/${name}.ics`, { ics });
}

const kinds = (events: ReadonlyMap<string, NeutralEvent>) =>
  Object.fromEntries([...events].map(([id, { kind }]) => [id, kind]));

test('what the owner declined takes no time, in the first pass and in every later one', async () => {
  const at = await bench().newCalendar();
  await put(at, 'yes', [occurrence(4, [answer('ACCEPTED')])]);
  await put(at, 'no', [occurrence(5, [answer('DECLINED')])]);
  await put(at, 'theirs', [occurrence(6, [answer('DECLINED', 'bob@example.com')])]);
  const copy = await freshCopy(bench(), at);
  expect(kinds(copy.events)).toEqual({
    'yes.ics': 'default',
    'no.ics': 'not-taken',
    'theirs.ics': 'default',
  });
  await put(at, 'yes', [occurrence(4, [answer('DECLINED')])]);
  await put(at, 'no', [occurrence(5, [answer('ACCEPTED')])]);
  const [page] = await runPass(bench(), at, { copy });
  expect(page?.kind).toBe('delta');
  expect(kinds(copy.events)).toMatchObject({ 'yes.ics': 'not-taken', 'no.ics': 'default' });
});

test('of a series, one occurrence or all but one may be declined', async () => {
  const at = await bench().newCalendar();
  const rule = 'RRULE:FREQ=WEEKLY;COUNT=4';
  const exception = 'RECURRENCE-ID:20270111T090000Z';
  const [yes, no] = [answer('ACCEPTED'), answer('DECLINED')];
  await put(at, 'one', [occurrence(4, [rule, yes]), occurrence(11, [exception, no])]);
  await put(at, 'rest', [occurrence(4, [rule, no]), occurrence(11, [exception, yes])]);
  const { events } = await freshCopy(bench(), at);
  expect(kinds(events)).toEqual({
    'one.ics': 'default',
    'one.ics#2027-01-11T09:00:00Z': 'not-taken',
    'rest.ics': 'not-taken',
    'rest.ics#2027-01-11T09:00:00Z': 'default',
  });
});

test.each([
  [{ 'caldav.syncCollection': 'notImplemented' }],
  [{ 'caldav.syncPageSize': 2 }],
  [{ 'caldav.partition': 'other' }],
  [{ 'caldav.xmlStyle': 'inline' }],
])('it is so on servers of other habits: %j', async (switches) => {
  await bench().takePosition({ name: 'told', switches });
  const at = await bench().newCalendar();
  for (const n of [1, 2, 3, 4, 5, 6]) await put(at, `e${n}`, [occurrence(n, [answer('DECLINED')])]);
  const copy = await freshCopy(bench(), at);
  await put(at, 'e7', [occurrence(7, [answer('DECLINED')])]);
  await runPass(bench(), at, { copy });
  expect(Object.values(kinds(copy.events))).toEqual(Array.from({ length: 7 }, () => 'not-taken'));
});

test('nothing of attendees is kept, and the position stays small', async () => {
  const at = await bench().newCalendar();
  await put(at, 'no', [occurrence(5, [answer('DECLINED'), answer('ACCEPTED', 'bob@x.test')])]);
  const pulled = await ask(bench(), at, {});
  expect(JSON.stringify({ ...pulled, nextCursor: null })).not.toMatch(/owner@|bob@|DECLINED/);
  expect(pulled).toMatchObject({ more: false });
  expect('nextCursor' in pulled && pulled.nextCursor!.length).toBeLessThan(1_000);
});

test.each([403, 404, 500, 501])(
  'an owner of whom the server tells nothing (%d) blocks with all they were invited to',
  async (status) => {
    const at = await bench().newCalendar();
    await put(at, 'no', [occurrence(5, [answer('DECLINED')])]);
    const path = '/principal/';
    await bench().control('POST', 'faults', {
      host: 'caldav',
      method: 'PROPFIND',
      path,
      status,
      times: 9,
    });
    const { events } = await freshCopy(bench(), at);
    expect(kinds(events)).toEqual({ 'no.ics': 'default' });
  },
);

test('a host in trouble makes the pass wait rather than read what was declined as taken', async () => {
  const at = await bench().newCalendar();
  const fault = { host: 'caldav', method: 'PROPFIND', path: '/principal/', status: 503, times: 1 };
  await bench().control('POST', 'faults', fault);
  await expect(ask(bench(), at, {})).rejects.toMatchObject({ kind: 'unavailable' });
});
