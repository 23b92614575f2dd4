import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask, emptyCopy, freshCopy, hourOn, meaning, runPass, WINDOW } from '../laws/bench.ts';
import type { BenchCalendar, Page } from '../laws/bench.ts';
import { openMicrosoftBench } from '../laws/microsoft-bench.ts';
import type { MicrosoftBench } from '../laws/microsoft-bench.ts';

interface Asked {
  method?: string;
  path?: string;
  query: Record<string, string>;
  requestHeaders: Record<string, string>;
}

const DAY_MS = 86_400_000;

describe('pulling from Graph', () => {
  let bench: MicrosoftBench;
  beforeAll(async () => {
    bench = await openMicrosoftBench();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.takePosition({ name: 'usual', switches: {} }));

  const turn = (switches: Record<string, unknown>) => bench.control('PUT', 'switches', switches);

  async function asked(at: BenchCalendar): Promise<Asked[]> {
    const { entries } = (await bench.control('GET', 'record?host=microsoft')) as {
      entries: Asked[];
    };
    const id = encodeURIComponent(at.calendar.id);
    return entries.filter(({ path }) => path?.includes(id) || path?.includes(at.calendar.id));
  }

  test('every request asks for UTC, large pages and ids that last', async () => {
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    await ask(bench, at, { cursor });
    const requests = await asked(at);
    expect(requests).toHaveLength(2);
    for (const { requestHeaders } of requests)
      for (const wish of [
        'odata.maxpagesize=200',
        'outlook.timezone="UTC"',
        'IdType="ImmutableId"',
      ])
        expect(requestHeaders['prefer']).toContain(wish);
  });

  test('a round covers the window it was asked for, and says until when on every page', async () => {
    const at = await bench.newCalendar();
    await bench.seedEvents(
      at,
      Array.from({ length: 250 }, (_, n) => hourOn(n)),
    );
    const pages = await runPass(bench, at, { copy: emptyCopy() });
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(page.coversUntilAt).toBe(WINDOW.endAt);
    const [{ query }] = (await asked(at)) as [Asked];
    expect(Date.parse(query['startDateTime']!)).toBe(WINDOW.startAt);
    expect(Date.parse(query['endDateTime']!)).toBe(WINDOW.endAt);
  });

  test('the window of a round stays while the window wanted moves on', async () => {
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    const later = { startAt: WINDOW.startAt + DAY_MS, endAt: WINDOW.endAt + DAY_MS };
    const page = await ask(bench, at, { cursor, window: later });
    expect(page).toMatchObject({ kind: 'delta', coversUntilAt: WINDOW.endAt });
    const anew = await ask(bench, at, { window: later });
    expect(anew).toMatchObject({ kind: 'snapshot', coversUntilAt: later.endAt });
  });

  test('a window of more than Graph takes is cut below five years', async () => {
    const at = await bench.newCalendar();
    const window = { startAt: WINDOW.startAt, endAt: WINDOW.startAt + 3_000 * DAY_MS };
    const page = (await ask(bench, at, { window })) as Page;
    expect(page.coversUntilAt! - window.startAt).toBeLessThan(5 * 365.2 * DAY_MS);
  });

  test('what moves out of the window is gone from our copy, and comes back when it does', async () => {
    const at = await bench.newCalendar();
    const [id] = await bench.seedEvents(at, [hourOn(1)]);
    const copy = await freshCopy(bench, at);
    await bench.editEvent(at, id!, hourOn(400));
    await runPass(bench, at, { copy });
    expect(copy.events.has(id!)).toBe(false);
    await bench.editEvent(at, id!, hourOn(2));
    await runPass(bench, at, { copy });
    expect(copy.events.has(id!)).toBe(true);
  });

  const resets = [
    'gone',
    'syncStateNotFound',
    'SyncStateNotFound',
    'resyncRequired',
    'syncStateInvalid',
  ];
  test.each(
    resets.flatMap((how) =>
      [400, 404].flatMap(
        (status) =>
          [
            [how, status, true],
            [how, status, false],
          ] as const,
      ),
    ),
  )(
    'a reset told as %s with %s, nested: %s, is a lost cursor',
    async (resetAnswer, resetStatus, resetNested) => {
      await turn({
        'microsoft.resetAnswer': resetAnswer,
        'microsoft.resetStatus': resetStatus,
        'microsoft.resetNested': resetNested,
      });
      const at = await bench.newCalendar();
      const { cursor } = await freshCopy(bench, at);
      await bench.loseCursor?.(at);
      expect(await ask(bench, at, { cursor })).toEqual({ kind: 'cursor-lost', what: 'cursor' });
    },
  );

  test('a round whose state dies between pages starts again', async () => {
    const at = await bench.newCalendar();
    await bench.seedEvents(
      at,
      Array.from({ length: 250 }, (_, n) => hourOn(n)),
    );
    const { checkpoint } = (await ask(bench, at, {})) as Page;
    await bench.loseCursor?.(at);
    const lost = { kind: 'cursor-lost', what: 'checkpoint' };
    expect(await ask(bench, at, { checkpoint })).toEqual(lost);
  });

  test('pages that go round in circles are a reset, after the third of the same', async () => {
    const at = await bench.newCalendar();
    await bench.seedEvents(at, [hourOn(1), hourOn(2)]);
    const { cursor } = await freshCopy(bench, at);
    await bench.seedEvents(at, [hourOn(3)]);
    await turn({ 'microsoft.stuckPages': true });
    const seen: string[] = [];
    let checkpoint: string | null = null;
    for (let n = 0; n < 10 && seen.at(-1) !== 'cursor-lost'; n += 1) {
      const page = await ask(bench, at, { cursor, checkpoint });
      seen.push(page.kind);
      checkpoint = page.kind === 'cursor-lost' ? null : page.checkpoint;
    }
    expect(seen).toEqual(['delta', 'delta', 'cursor-lost']);
  });

  test('rounds that tell the last one again change nothing', async () => {
    await turn({ 'microsoft.replays': 'rounds', 'microsoft.pages': 'empty' });
    const at = await bench.newCalendar();
    const ids = await bench.seedEvents(at, [hourOn(1), { ...hourOn(2), weeks: 5 }]);
    const copy = await freshCopy(bench, at);
    await bench.editEvent(at, ids[0]!, hourOn(9));
    for (let n = 0; n < 3; n += 1) await runPass(bench, at, { copy });
    expect(meaning(copy)).toEqual(meaning(await freshCopy(bench, at)));
  });

  test('the age of an answer is told', async () => {
    const at = await bench.newCalendar();
    await bench.fault({ on: 'pull', headers: { Age: '12' } });
    expect(await ask(bench, at, {})).toMatchObject({ ageMs: 12_000 });
  });

  test.each(['ErrorAccessDenied', 'ErrorItemNotFound', 'ErrorInvalidRequest'])(
    'a calendar that refuses delta as %s is listed whole each time',
    async (sharedRefusal) => {
      await turn({ 'microsoft.sharedRefusal': sharedRefusal });
      const at = await bench.newCalendar();
      const ids = await bench.seedEvents(at, [hourOn(1), { ...hourOn(2), weeks: 3 }]);
      const path = `microsoft/calendars/${encodeURIComponent(at.calendar.id)}`;
      await bench.control('PUT', path, { sharedBy: 'colleague@example.com' });
      const copy = emptyCopy();
      const pages = await runPass(bench, at, { copy });
      expect(pages.map(({ kind }) => kind)).toEqual(['snapshot']);
      expect(copy.events.size).toBe(4);
      await bench.deleteEvent(at, ids[0]!);
      await runPass(bench, at, { copy });
      expect(copy.events.size).toBe(3);
      const before = (await asked(at)).length;
      await runPass(bench, at, { copy });
      expect((await asked(at)).length - before).toBe(1);
      const tomorrow = Date.now() + 25 * 3_600_000;
      const input = { ...at, cursor: copy.cursor, checkpoint: null, window: WINDOW };
      await bench.provider.pull({
        ...input,
        nowAt: tomorrow,
        signal: new AbortController().signal,
      });
      expect((await asked(at)).at(-2)?.path).toContain('delta');
    },
  );

  test('occurrences of a calendar that refuses delta speak for themselves', async () => {
    const at = await bench.newCalendar();
    const [series] = await bench.seedEvents(at, [{ ...hourOn(2), weeks: 3 }]);
    const calendar = `microsoft/calendars/${encodeURIComponent(at.calendar.id)}`;
    await bench.control('PATCH', `${calendar}/events/${encodeURIComponent(series!)}`, {
      showAs: 'free',
    });
    await bench.control('PUT', calendar, { sharedBy: 'colleague@example.com' });
    const { events } = await freshCopy(bench, at);
    expect([...events.values()].map((one) => one.transparency)).toEqual(
      Array(3).fill('transparent'),
    );
  });
});
