import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChannelSupport } from '../../src/channels/channel-provider.ts';
import { freshCopy, hourOn, meaning, runPass, settle, spanOf } from './bench.ts';
import type { Bench, BenchCalendar, Copy, FailureRow, Position } from './bench.ts';
import { cursorLaws, pageLaws } from './feed-laws.ts';
import { failureLaws } from './failure-laws.ts';
import { noWatchLaws, watchLaws } from './watch-laws.ts';
import { noWriteLaws, writeLaws } from './write-laws.ts';

export interface LawSubject {
  supports: ChannelSupport;
  /** Every position of the emulator's switches in which the laws must hold; the first is usual. */
  positions: readonly Position[];
  failures: readonly FailureRow[];
  /** More events than this make a second page. */
  pageSize: number;
  open: () => Promise<Bench>;
}

/** What any channel must do: one suite, run by each channel against its own emulator. */
export function channelLaws(channel: string, subject: LawSubject): void {
  describe(`the ${channel} channel`, () => {
    let opened: Bench | undefined;
    const bench = (): Bench => opened!;
    beforeAll(async () => {
      opened = await subject.open();
    });
    afterAll(() => opened?.close());

    for (const position of subject.positions) {
      describe(`with ${position.name}`, () => {
        beforeAll(() => bench().takePosition(position));
        pullLaws(bench, position);
        pageLaws(bench, { ...subject, position });
        cursorLaws(bench, position);
        (subject.supports.write ? writeLaws : noWriteLaws)(bench, position);
      });
    }

    describe('on every failure', () => {
      beforeAll(() => bench().takePosition(subject.positions[0]!));
      failureLaws(bench, subject);
      (subject.supports.push ? watchLaws : noWatchLaws)(bench);
    });
  });
}

function pullLaws(bench: () => Bench, position: Position): void {
  const settled = () => settle(position);

  async function seeded(count = 4): Promise<{ at: BenchCalendar; ids: string[]; copy: Copy }> {
    const at = await bench().newCalendar();
    const events = Array.from({ length: count }, (_, day) => hourOn(day));
    const ids = await bench().seedEvents(at, events);
    await settled();
    return { at, ids, copy: await freshCopy(bench(), at) };
  }

  test('a full pull lists every event with its time', async () => {
    const { ids, copy } = await seeded();
    expect([...copy.events.keys()].toSorted()).toEqual(ids.toSorted());
    const { startAt, endAt } = hourOn(2);
    expect(spanOf(copy.events.get(ids[2]!))).toEqual([startAt, endAt]);
  });

  test('an addition, a move and a deletion arrive with the next pull, and only with that', async () => {
    const { at, ids, copy } = await seeded();
    const [added] = await bench().seedEvents(at, [hourOn(20)]);
    await bench().editEvent(at, ids[0]!, hourOn(21, 15));
    await bench().deleteEvent(at, ids[1]!);
    await settled();
    await runPass(bench(), at, { copy });
    const { startAt, endAt } = hourOn(21, 15);
    expect(spanOf(copy.events.get(ids[0]!))).toEqual([startAt, endAt]);
    expect(copy.events.has(ids[1]!)).toBe(false);
    expect(copy.events.has(added!)).toBe(true);
    const again = await runPass(bench(), at, { copy });
    expect(again.flatMap((page) => page.changes)).toEqual([]);
  });

  test('full then incremental equals a later full pull, after every kind of edit', async () => {
    const { at, ids, copy } = await seeded(6);
    const [series, doomed] = await bench().seedEvents(at, [
      { ...hourOn(4, 12), weeks: 20 },
      { ...hourOn(5, 12), weeks: 20 },
    ]);
    await settled();
    await runPass(bench(), at, { copy });
    await bench().editEvent(at, ids[0]!, hourOn(30));
    await bench().editEvent(at, ids[0]!, hourOn(31));
    await bench().deleteEvent(at, ids[1]!);
    await bench().occurrences?.cancel(at, series!, hourOn(4 + 7, 12).startAt);
    const from = hourOn(4 + 14, 12).startAt;
    await bench().occurrences?.move(at, series!, { from, ...hourOn(19, 16) });
    await bench().occurrences?.cancel(at, doomed!, hourOn(5 + 7, 12).startAt);
    await settled();
    await runPass(bench(), at, { copy });
    await bench().deleteEvent(at, doomed!);
    const [brief] = await bench().seedEvents(at, [hourOn(40), hourOn(41)]);
    await bench().deleteEvent(at, brief!);
    await settled();
    await runPass(bench(), at, { copy });
    expect(meaning(copy)).toEqual(meaning(await freshCopy(bench(), at)));
    expect(copy.events.has(doomed!)).toBe(false);
  });

  test('a cancelled occurrence arrives where the channel has exceptions', async () => {
    const at = await bench().newCalendar();
    const [series] = await bench().seedEvents(at, [{ ...hourOn(4, 12), weeks: 20 }]);
    await settled();
    const copy = await freshCopy(bench(), at);
    await bench().occurrences?.cancel(at, series!, hourOn(11, 12).startAt);
    await settled();
    await runPass(bench(), at, { copy });
    const members = [...copy.events.values()].filter((event) => event.seriesId !== null);
    const exceptions = members.filter((event) => event.status === 'cancelled');
    const { occurrences } = bench();
    expect(exceptions.length).toBe(occurrences && !occurrences.areListed ? 1 : 0);
    expect(members.length - exceptions.length).toBe(occurrences?.areListed ? 19 : 0);
    for (const { seriesId } of exceptions) expect(seriesId).toBe(series);
  });

  test('any mixture of edits and pulls ends where a full pull does', async () => {
    const { at, ids, copy } = await seeded();
    let seed = 20_270_101;
    const pick = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let n = 0; n < 24; n += 1) {
      const act = pick(5);
      const id = ids[pick(ids.length)];
      if (act <= 1) ids.push(...(await bench().seedEvents(at, [hourOn(60 + pick(200), pick(20))])));
      else if (act === 2 && id) await bench().editEvent(at, id, hourOn(60 + pick(200), pick(20)));
      else if (act === 3 && id) await bench().deleteEvent(at, ids.splice(ids.indexOf(id), 1)[0]!);
      else await runPass(bench(), at, { copy });
    }
    await settled();
    await runPass(bench(), at, { copy });
    expect([...copy.events.keys()].toSorted()).toEqual(ids.toSorted());
    expect(meaning(copy)).toEqual(meaning(await freshCopy(bench(), at)));
  });

  test('a change that is pulled too early arrives with a later pull', async () => {
    const { at, copy } = await seeded(1);
    const [late] = await bench().seedEvents(at, [hourOn(70)]);
    await runPass(bench(), at, { copy });
    await settled();
    await runPass(bench(), at, { copy });
    expect(copy.events.has(late!)).toBe(true);
  });

  test('an unchanged calendar gives no changes and a cursor that still serves', async () => {
    const { at, ids, copy } = await seeded(2);
    for (let n = 0; n < 3; n += 1) {
      const pages = await runPass(bench(), at, { copy });
      expect(pages.flatMap((page) => page.changes)).toEqual([]);
      expect(copy.cursor).not.toBeNull();
    }
    await bench().deleteEvent(at, ids[0]!);
    await settled();
    await runPass(bench(), at, { copy });
    expect([...copy.events.keys()]).toEqual([ids[1]]);
  });

  test('a pull from an older cursor, applied again, changes nothing', async () => {
    const { at, ids, copy } = await seeded();
    const older = copy.cursor;
    await bench().editEvent(at, ids[0]!, hourOn(50));
    await bench().deleteEvent(at, ids[3]!);
    await settled();
    await runPass(bench(), at, { copy });
    const before = meaning(copy);
    await runPass(bench(), at, { copy: { ...copy, cursor: older } });
    expect(meaning(copy)).toEqual(before);
  });
}
