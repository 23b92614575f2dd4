import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { busySpans } from '../../src/calendar/busy.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { union } from '../../src/domain/interval.ts';
import { ask, emptyCopy, freshCopy, hourOn, runPass, WINDOW } from '../laws/bench.ts';
import type { BenchCalendar, Copy, Page } from '../laws/bench.ts';
import { openMicrosoftBench } from '../laws/microsoft-bench.ts';
import type { MicrosoftBench } from '../laws/microsoft-bench.ts';

const ZONE = 'Europe/Paris';

describe('series at Graph', () => {
  let bench: MicrosoftBench;
  beforeAll(async () => {
    bench = await openMicrosoftBench();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.takePosition({ name: 'usual', switches: {} }));

  const turn = (switches: Record<string, unknown>) => bench.control('PUT', 'switches', switches);
  const pathOf = ({ calendar }: BenchCalendar) =>
    `microsoft/calendars/${encodeURIComponent(calendar.id)}`;

  /** What our copy says is taken. */
  function busyIn({ events }: Copy): [string, string][] {
    const roots = new Map<string, NeutralEvent[]>();
    for (const event of events.values()) {
      const root = event.seriesId ?? event.nativeId;
      roots.set(root, [...(roots.get(root) ?? []), event]);
    }
    const window = { fromAt: WINDOW.startAt, untilAt: WINDOW.endAt };
    const reading = { tentative: 'busy' as const, isOurs: () => false };
    const spans = [...roots.values()].flatMap(
      (members) => busySpans(members, { ...reading, window, calendarZone: ZONE }).spans,
    );
    return textOf(spans);
  }

  /** What the channel itself says is taken. */
  async function busyAt(at: BenchCalendar): Promise<[string, string][]> {
    const query = `startDateTime=${iso(WINDOW.startAt)}&endDateTime=${iso(WINDOW.endAt)}`;
    const { occurrences } = (await bench.control('GET', `${pathOf(at)}/occurrences?${query}`)) as {
      occurrences: { startAt: string; endAt: string; showAs: string; isCancelled: boolean }[];
    };
    const taken = occurrences.filter(
      ({ showAs, isCancelled }) =>
        showAs !== 'free' && showAs !== 'workingElsewhere' && !isCancelled,
    );
    return textOf(
      taken.map((one) => ({ startAt: Date.parse(one.startAt), endAt: Date.parse(one.endAt) })),
    );
  }

  const iso = (at: number) => new Date(at).toISOString();
  const textOf = (spans: { startAt: number; endAt: number }[]): [string, string][] =>
    union(spans).map(({ startAt, endAt }) => [iso(startAt), iso(endAt)]);

  test('a deleted occurrence of which only the series tells does not block for ever', async () => {
    await turn({ 'microsoft.occurrenceDeletion': 'masterOnly' });
    const at = await bench.newCalendar();
    const [series] = await bench.seedEvents(at, [{ ...hourOn(4), weeks: 6 }]);
    const copy = await freshCopy(bench, at);
    expect(busyIn(copy)).toHaveLength(6);
    await bench.occurrences?.cancel(at, series!, hourOn(11).startAt);
    const pages = await runPass(bench, at, { copy });
    expect(pages.map(({ kind }) => kind)).toEqual(['delta', 'delta']);
    expect(busyIn(copy)).toEqual(await busyAt(at));
    expect(busyIn(copy)).toHaveLength(5);
  });

  test('a series that is deleted, or becomes a single event, takes its occurrences along', async () => {
    const at = await bench.newCalendar();
    const [one, other] = await bench.seedEvents(at, [
      { ...hourOn(4), weeks: 6 },
      { ...hourOn(5), weeks: 6 },
    ]);
    const copy = await freshCopy(bench, at);
    await bench.deleteEvent(at, one!);
    const path = `${pathOf(at)}/events/${encodeURIComponent(other!)}`;
    await bench.control('PATCH', path, { recurrence: null });
    await runPass(bench, at, { copy });
    expect(busyIn(copy)).toEqual(await busyAt(at));
    expect(busyIn(copy)).toHaveLength(1);
  });

  test('a series that is made free, and one of its occurrences busy, is read as both', async () => {
    const at = await bench.newCalendar();
    const [series] = await bench.seedEvents(at, [{ ...hourOn(4), weeks: 6 }]);
    const copy = await freshCopy(bench, at);
    const path = `${pathOf(at)}/events/${encodeURIComponent(series!)}`;
    await bench.control('PATCH', path, { showAs: 'free' });
    await runPass(bench, at, { copy });
    expect(busyIn(copy)).toEqual([]);
    expect(await busyAt(at)).toEqual([]);
  });

  test('more changed series than a pass should ask about are a reason to read anew', async () => {
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    const many = Array.from({ length: 21 }, (_, n) => ({ ...hourOn(n), weeks: 2 }));
    await bench.seedEvents(at, many);
    expect(await ask(bench, at, { cursor })).toEqual({ kind: 'cursor-lost', what: 'cursor' });
  });

  test('a full checkpoint stays well under what may be sealed', async () => {
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    const many = Array.from({ length: 20 }, (_, n) => ({ ...hourOn(n), weeks: 2 }));
    await bench.seedEvents(at, many);
    const page = (await ask(bench, at, { cursor })) as Page;
    expect(JSON.parse(page.checkpoint!).series).toHaveLength(20);
    expect(Buffer.byteLength(page.checkpoint!)).toBeLessThan(8_000);
  });

  test.each(['dates', 'converted'])(
    'all-day events shown as %s are the same days',
    async (shown) => {
      await turn({ 'microsoft.allDayShown': shown });
      const at = await bench.newCalendar();
      const dayIn = (timeZone: string, recurrence?: unknown) => ({
        subject: 'Closed',
        isAllDay: true,
        start: { dateTime: '2027-03-25T00:00:00', timeZone },
        end: { dateTime: '2027-03-26T00:00:00', timeZone },
        ...(recurrence ? { recurrence } : {}),
      });
      const daily = {
        pattern: { type: 'daily', interval: 1 },
        range: { type: 'numbered', startDate: '2027-03-25', numberOfOccurrences: 6 },
      };
      const zones = [
        'Romance Standard Time',
        'Tokyo Standard Time',
        'UTC',
        'Pacific Standard Time',
      ];
      const events = zones.flatMap((zone) => [dayIn(zone), dayIn(zone, daily)]);
      await bench.control('POST', `${pathOf(at)}/bulk`, { events });
      const copy = await freshCopy(bench, at);
      const days = [...copy.events.values()].filter(({ isListed }) => !isListed);
      expect(days).toHaveLength(28);
      const starts = days.map(({ start }) => (start?.kind === 'date' ? start.date : start?.kind));
      for (const date of ['25', '26', '27', '28', '29', '30'])
        expect(starts.filter((one) => one === `2027-03-${date}`)).toHaveLength(
          date === '25' ? 8 : 4,
        );
    },
  );

  test('any edits, in any way Graph may tell them, end in what the channel says is taken', async () => {
    const positions = [
      {},
      { 'microsoft.occurrenceDeletion': 'masterOnly', 'microsoft.pages': 'empty' },
      { 'microsoft.seriesChanges': 'whole', 'microsoft.replays': 'rounds' },
      { 'microsoft.replays': 'entities', 'microsoft.outsideChanges': 'silent' },
    ];
    for (const [seed, switches] of positions.entries()) {
      await bench.takePosition({ name: 'one', switches });
      const at = await bench.newCalendar();
      let state = 20_270_101 + seed;
      const pick = (below: number) => {
        state = (state * 48_271) % 2_147_483_647;
        return state % below;
      };
      const ids: string[] = [];
      const copy = emptyCopy();
      for (let n = 0; n < 40; n += 1) {
        const act = pick(6);
        const id = ids[pick(ids.length || 1)];
        const series = pick(3) === 0 ? { weeks: 2 + pick(8) } : {};
        const event = { ...hourOn(pick(300), pick(20)), ...series };
        if (act === 0 || id === undefined) ids.push(...(await bench.seedEvents(at, [event])));
        else if (act === 1) await bench.deleteEvent(at, ids.splice(ids.indexOf(id), 1)[0]!);
        else if (act === 2) await shift(at, id, { showAs: ['busy', 'free', 'oof'][pick(3)]! });
        else if (act === 3) await oneOf(at, id, pick);
        else await runPass(bench, at, { copy });
      }
      await runPass(bench, at, { copy });
      expect(busyIn(copy)).toEqual(await busyAt(at));
    }
  });

  const shift = (at: BenchCalendar, id: string, body: Record<string, unknown>) =>
    bench.control('PATCH', `${pathOf(at)}/events/${encodeURIComponent(id)}`, body);

  /** Deletes or moves some entry of the calendar, most often an occurrence. */
  async function oneOf(at: BenchCalendar, id: string, pick: (below: number) => number) {
    const query = `startDateTime=${iso(WINDOW.startAt)}&endDateTime=${iso(WINDOW.endAt)}`;
    const listed = (await bench.control('GET', `${pathOf(at)}/occurrences?${query}`)) as {
      occurrences: { id: string }[];
    };
    const others = listed.occurrences.filter((one) => one.id !== id);
    const chosen = others[pick(others.length || 1)];
    if (!chosen) return;
    const { events } = (await bench.control('GET', `${pathOf(at)}/events`)) as {
      events: { id: string; type: string }[];
    };
    if (events.some((one) => one.id === chosen.id && one.type === 'singleInstance')) return;
    const path = `${pathOf(at)}/events/${encodeURIComponent(chosen.id)}`;
    if (pick(2) === 0) await bench.control('DELETE', path);
    else await bench.control('PATCH', path, { showAs: 'tentative' });
  }
});
