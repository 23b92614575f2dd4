import { expect, test } from 'vitest';
import { ask, emptyCopy, freshCopy, hourOn, meaning, runPass, settle, WINDOW } from './bench.ts';
import type { Bench, BenchCalendar, Position } from './bench.ts';

export function pageLaws(
  bench: () => Bench,
  { pageSize, position }: { pageSize: number; position: Position },
): void {
  async function large(): Promise<{ at: BenchCalendar; ids: string[] }> {
    const at = await bench().newCalendar();
    const count = pageSize + Math.ceil(pageSize / 5);
    const events = Array.from({ length: count }, (_, n) => hourOn(n % 300, n % 20));
    const ids = await bench().seedEvents(at, events);
    await settle(position);
    return { at, ids };
  }

  test('pages, empty ones included, move the position and end in a cursor', async () => {
    const { at, ids } = await large();
    const copy = emptyCopy();
    const pages = await runPass(bench(), at, { copy });
    expect(pages.length).toBeGreaterThan(1);
    expect([...copy.events.keys()].toSorted()).toEqual(ids.toSorted());
    const positions = pages.slice(0, -1).map((page) => page.checkpoint);
    expect(new Set(positions).size).toBe(pages.length - 1);
    for (const page of pages.slice(0, -1))
      expect(page).toMatchObject({ more: true, nextCursor: null });
    expect(pages.at(-1)).toMatchObject({ more: false, checkpoint: null });
    expect(pages.at(-1)!.nextCursor).not.toBeNull();
    for (const page of pages) expect(page.changes.length).toBeLessThanOrEqual(500);
  });

  test('each page pulled and applied twice changes nothing', async () => {
    const { at } = await large();
    const twice = emptyCopy();
    await runPass(bench(), at, { copy: twice, asks: 2 });
    expect(meaning(twice)).toEqual(meaning(await freshCopy(bench(), at)));
  });

  test('a change during a pass arrives with that pass or with the next', async () => {
    const { at, ids } = await large();
    const copy = emptyCopy();
    let edits = 0;
    const betweenPages = async () => {
      edits += 1;
      await bench().editEvent(at, ids[edits]!, hourOn(310 + edits));
      await bench().deleteEvent(at, ids.at(-edits)!);
      await bench().seedEvents(at, [hourOn(320 + edits)]);
    };
    await runPass(bench(), at, { copy, betweenPages });
    expect(edits).toBeGreaterThan(0);
    await settle(position);
    await runPass(bench(), at, { copy });
    expect(meaning(copy)).toEqual(meaning(await freshCopy(bench(), at)));
  });
}

export function cursorLaws(bench: () => Bench, position: Position): void {
  test('a position that makes no sense is reported as lost, not thrown', async () => {
    const at = await bench().newCalendar();
    const lost = { kind: 'cursor-lost' };
    for (const text of ['', 'nonsense', '{}', 'null', '{"syncToken":"x"}']) {
      expect(await ask(bench(), at, { cursor: text })).toEqual({ ...lost, what: 'cursor' });
      const checkpoint = await ask(bench(), at, { checkpoint: text });
      expect(checkpoint).toEqual({ ...lost, what: 'checkpoint' });
    }
  });

  test('the cursor of one calendar is worth nothing to another', async () => {
    const [one, other] = [await bench().newCalendar(), await bench().newCalendar()];
    const { cursor } = await freshCopy(bench(), one);
    const answer = await ask(bench(), other, { cursor });
    expect(answer).toEqual({ kind: 'cursor-lost', what: 'cursor' });
  });

  test('a cursor the channel forgot is reported as lost, and a full pull starts anew', async () => {
    const at = await bench().newCalendar();
    const [kept] = await bench().seedEvents(at, [hourOn(1)]);
    await settle(position);
    const { cursor } = await freshCopy(bench(), at);
    const { loseCursor } = bench();
    await loseCursor?.(at);
    const answer = await ask(bench(), at, { cursor });
    expect(answer).toMatchObject(
      loseCursor ? { kind: 'cursor-lost', what: 'cursor' } : { changes: [] },
    );
    const pages = await runPass(bench(), at, { copy: emptyCopy() });
    expect(pages.map((page) => page.kind)).toEqual(pages.map(() => 'snapshot'));
    expect((await freshCopy(bench(), at)).events.has(kept!)).toBe(true);
  });

  test('a window that reaches further back than the cursor is never silently incomplete', async () => {
    const at = await bench().newCalendar();
    const year = 366 * 86_400_000;
    const old = WINDOW.startAt - year;
    const startAt = new Date(old).toISOString();
    const endAt = new Date(old + 3_600_000).toISOString();
    const [early] = await bench().seedEvents(at, [{ startAt, endAt }]);
    await settle(position);
    const copy = await freshCopy(bench(), at);
    const window = { ...WINDOW, startAt: old - year };
    const answer = await ask(bench(), at, { cursor: copy.cursor, window });
    expect(copy.events.has(early!) !== (answer.kind === 'cursor-lost')).toBe(true);
  });
}
