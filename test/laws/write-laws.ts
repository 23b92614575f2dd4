import { expect, test } from 'vitest';
import type { MirrorEvent } from '../../src/channels/channel-provider.ts';
import { freshCopy, hourOn, settle, spanOf } from './bench.ts';
import type { Bench, BenchCalendar, Position } from './bench.ts';

const mirrorOn = (day: number, marker = `booking-1.${day}`): MirrorEvent => {
  const { startAt, endAt } = hourOn(day);
  return { startAt, endAt, status: 'confirmed' as const, summary: 'Booked', marker };
};

export function writeLaws(bench: () => Bench, position: Position): void {
  const writeTo = (
    at: BenchCalendar,
    rest: { day: number; ifMatch?: string; generation?: number },
  ) =>
    bench().provider.write({
      ...at,
      id: 'mirror-1',
      generation: rest.generation ?? 0,
      event: mirrorOn(rest.day),
      ifMatch: rest.ifMatch ?? null,
    });

  async function ours(at: BenchCalendar): Promise<number> {
    await settle(position);
    const { events } = await freshCopy(bench(), at);
    return [...events.values()].filter(({ marker }) => marker?.startsWith('booking-1.')).length;
  }

  test('what was written can be read back, with its time and our marker', async () => {
    const at = await bench().newCalendar();
    const { nativeId, etag } = await writeTo(at, { day: 3 });
    const event = await bench().provider.read({ ...at, nativeId });
    const { startAt, endAt, marker } = mirrorOn(3);
    expect(spanOf(event ?? undefined)).toEqual([startAt, endAt]);
    expect(event).toMatchObject({ nativeId, marker, etag, status: 'confirmed' });
    expect(event?.transparency).toBe('opaque');
    expect(await ours(at)).toBe(1);
  });

  test('written twice is one event, with what was wanted last', async () => {
    const at = await bench().newCalendar();
    const first = await writeTo(at, { day: 3 });
    const second = await writeTo(at, { day: 4 });
    expect(second.nativeId).toBe(first.nativeId);
    const event = await bench().provider.read({ ...at, nativeId: first.nativeId });
    expect(spanOf(event ?? undefined)?.[0]).toBe(mirrorOn(4).startAt);
    expect(await ours(at)).toBe(1);
  });

  test('what shows a hold becomes the booking in place, and back', async () => {
    const at = await bench().newCalendar();
    const input = { ...at, id: 'mirror-1', generation: 0 };
    const hold = { ...mirrorOn(3), status: 'tentative' as const };
    let { nativeId, etag } = await bench().provider.write({ ...input, event: hold, ifMatch: null });
    for (const event of [mirrorOn(3), hold]) {
      const written = await bench().provider.write({ ...input, event, ifMatch: etag });
      expect(written.nativeId).toBe(nativeId);
      ({ nativeId, etag } = written);
      const there = await bench().provider.read({ ...at, nativeId });
      expect(there).toMatchObject({ status: event.status, transparency: 'opaque', etag });
    }
    expect(await ours(at)).toBe(1);
  });

  test('reading costs the version nothing: an update after it is for the same', async () => {
    const at = await bench().newCalendar();
    const { nativeId, etag } = await writeTo(at, { day: 3 });
    const read = await bench().provider.read({ ...at, nativeId });
    expect(await bench().provider.read({ ...at, nativeId })).toEqual(read);
    expect(read?.etag).toBe(etag);
    expect((await writeTo(at, { day: 3, ifMatch: read!.etag! })).nativeId).toBe(nativeId);
  });

  test('a version that came between refuses our write, and is there to be read', async () => {
    const at = await bench().newCalendar();
    const { nativeId, etag } = await writeTo(at, { day: 3 });
    await writeTo(at, { day: 7 });
    await expect(writeTo(at, { day: 3, ifMatch: etag! })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'conditionNotMet',
    });
    const found = await bench().provider.read({ ...at, nativeId });
    expect(spanOf(found ?? undefined)?.[0]).toBe(hourOn(7).startAt);
    await writeTo(at, { day: 3, ifMatch: found!.etag! });
    const after = await bench().provider.read({ ...at, nativeId });
    expect(spanOf(after ?? undefined)?.[0]).toBe(hourOn(3).startAt);
  });

  test('a write whose answer was lost is one event after it is repeated', async () => {
    const at = await bench().newCalendar();
    await bench().fault({ on: 'write', drop: 'after' });
    await expect(writeTo(at, { day: 3 })).rejects.toMatchObject({ kind: 'unavailable' });
    await writeTo(at, { day: 3 });
    expect(await ours(at)).toBe(1);
  });

  test('an update takes the version it was made for, and no other', async () => {
    const at = await bench().newCalendar();
    const { nativeId, etag } = await writeTo(at, { day: 3 });
    const updated = await writeTo(at, { day: 5, ifMatch: etag! });
    expect(updated).toMatchObject({ nativeId });
    expect(updated.etag).not.toBe(etag);
    await expect(writeTo(at, { day: 6, ifMatch: etag! })).rejects.toMatchObject({
      kind: 'conflict',
    });
    const event = await bench().provider.read({ ...at, nativeId });
    expect(spanOf(event ?? undefined)?.[0]).toBe(mirrorOn(5).startAt);
  });

  test('removing is conditional, and removing what is gone succeeds', async () => {
    const at = await bench().newCalendar();
    const { nativeId, etag } = await writeTo(at, { day: 3 });
    const updated = await writeTo(at, { day: 4, ifMatch: etag! });
    const { provider } = bench();
    const event = { ...at, id: 'mirror-1', generation: 0, nativeId };
    const stale = provider.remove({ ...event, ifMatch: etag });
    await expect(stale).rejects.toMatchObject({ kind: 'conflict' });
    await provider.remove({ ...event, ifMatch: updated.etag });
    await provider.remove({ ...event, ifMatch: null });
    await provider.remove({ ...event, nativeId: 'neverwas', ifMatch: null });
    expect(await provider.read({ ...at, nativeId })).toBeNull();
    expect(await ours(at)).toBe(0);
  });

  test('a write whose answer was lost can be removed without its native id', async () => {
    const at = await bench().newCalendar();
    const event = { ...at, id: 'mirror-1', nativeId: null, ifMatch: null };
    await bench().provider.remove({ ...event, generation: 0 });
    await bench().fault({ on: 'write', drop: 'after' });
    const lost = writeTo(at, { day: 3, generation: 2 });
    await expect(lost).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await ours(at)).toBe(1);
    await bench().provider.remove({ ...event, generation: 2 });
    expect(await ours(at)).toBe(0);
  });

  test('after a removal the next generation makes a new event', async () => {
    const at = await bench().newCalendar();
    const { nativeId } = await writeTo(at, { day: 3 });
    const event = { ...at, id: 'mirror-1', generation: 0, nativeId };
    await bench().provider.remove({ ...event, ifMatch: null });
    const same = await writeTo(at, { day: 3 }).catch((error: unknown) => error);
    const spent = { kind: 'conflict', code: 'id-spent' };
    const again = position.freesIds === true ? { nativeId } : {};
    expect(same).toMatchObject(position.freesIds ? again : spent);
    await bench().provider.remove({ ...event, nativeId: null, ifMatch: null });
    await writeTo(at, { day: 3, generation: 1 });
    expect(await ours(at)).toBe(1);
  });

  test('an event of somebody else under our id is left alone', async () => {
    const at = await bench().newCalendar();
    const { provider } = bench();
    const input = { ...at, id: 'mirror-2', generation: 0, ifMatch: null };
    await provider.write({ ...input, event: mirrorOn(3, 'somebody-else') });
    const taken = provider.write({ ...input, event: mirrorOn(4) });
    await expect(taken).rejects.toMatchObject({ kind: 'conflict', code: 'id-taken' });
  });
}

export function noWriteLaws(bench: () => Bench): void {
  test('writing is not offered by this channel: write, remove and read refuse', async () => {
    const at = await bench().newCalendar();
    const refusal = { name: 'Failure', kind: 'invalid', code: 'unsupported' };
    const { provider } = bench();
    const input = { ...at, id: 'mirror-1', generation: 0, event: mirrorOn(3), ifMatch: null };
    const asked = async (act: () => Promise<unknown>) => act();
    await expect(asked(() => provider.write(input))).rejects.toMatchObject(refusal);
    const gone = { ...at, id: 'mirror-1', generation: 0, nativeId: 'x', ifMatch: null };
    await expect(asked(() => provider.remove(gone))).rejects.toMatchObject(refusal);
    await expect(asked(() => provider.read(gone))).rejects.toMatchObject(refusal);
  });
}
