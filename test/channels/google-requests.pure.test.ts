import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instantOf } from '../../src/calendar/zones.ts';
import { ask, freshCopy, hourOn, spanOf, WINDOW } from '../laws/bench.ts';
import type { BenchCalendar } from '../laws/bench.ts';
import { openGoogleBench } from '../laws/google-bench.ts';
import type { GoogleBench } from '../laws/google-bench.ts';

interface Asked {
  method?: string;
  path: string;
  query: Record<string, string>;
  requestHeaders: Record<string, string>;
  responseBody?: unknown;
}

describe('requests to Google', () => {
  let bench: GoogleBench;
  beforeAll(async () => {
    bench = await openGoogleBench();
  });
  afterAll(() => bench.close());

  async function asked(at: BenchCalendar): Promise<Asked[]> {
    const { entries } = (await bench.control('GET', 'record?host=google')) as { entries: Asked[] };
    const id = encodeURIComponent(at.calendar.id);
    return entries.filter(({ path }) => path?.includes(id) || path?.includes(at.calendar.id));
  }

  test('titles, people and places are not even fetched', async () => {
    const at = await bench.newCalendar();
    const body = {
      summary: 'Private title',
      location: 'Private place',
      attendees: [{ email: 'private@example.com' }],
      start: { dateTime: hourOn(1).startAt },
      end: { dateTime: hourOn(1).endAt },
    };
    await bench.control('POST', `google/calendars/${at.calendar.id}/events`, body);
    expect((await freshCopy(bench, at)).events.size).toBe(1);
    const pulls = (await asked(at)).filter(({ method }) => method === 'GET');
    expect(pulls.length).toBe(1);
    expect(JSON.stringify(pulls).toLowerCase()).not.toContain('private@');
    expect(JSON.stringify(pulls)).not.toContain('Private');
  });

  test('a first pass is bounded in time, a later one carries the token and no bounds', async () => {
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    await ask(bench, at, { cursor });
    const [first, later] = (await asked(at)).map(({ query }) => query);
    expect(Date.parse(first!['timeMin']!)).toBeLessThanOrEqual(WINDOW.startAt);
    expect(first).not.toHaveProperty('timeMax');
    expect(later).not.toHaveProperty('timeMin');
    expect(later).toHaveProperty('syncToken');
    for (const name of ['singleEvents', 'maxResults', 'fields'])
      expect(later![name]).toBe(first![name]);
    expect(first!['singleEvents']).toBe('false');
  });

  test('an occurrence moved back over the edge of the window still leaves its place free', async () => {
    const at = await bench.newCalendar();
    const [series] = await bench.seedEvents(at, [{ ...hourOn(3), weeks: 4 }]);
    const to = { startAt: '2026-12-20T10:00:00.000Z', endAt: '2026-12-20T11:00:00.000Z' };
    await bench.occurrences?.move(at, series!, { from: hourOn(10).startAt, ...to });
    const { events } = await freshCopy(bench, at);
    const moved = [...events.values()].find(({ seriesId }) => seriesId === series);
    expect(instantOf(moved!.originalStart!, 'UTC')).toBe(Date.parse(hourOn(10).startAt));
    expect(spanOf(moved)).toEqual([to.startAt, to.endAt]);
  });

  test('our writes tell no guests', async () => {
    const at = await bench.newCalendar();
    const event = { ...hourOn(1), status: 'confirmed' as const, summary: 'Booked', marker: 'm' };
    const input = { ...at, id: 'a', generation: 0, event, ifMatch: null };
    const { nativeId, etag } = await bench.provider.write(input);
    const { etag: next } = await bench.provider.write({ ...input, ifMatch: etag });
    await bench.provider.remove({ ...input, nativeId, ifMatch: next });
    const writes = await asked(at);
    expect(writes.map(({ method }) => method)).toEqual(['POST', 'PUT', 'DELETE']);
    for (const { query } of writes) expect(query['sendUpdates']).toBe('none');
    expect(writes.map(({ requestHeaders }) => requestHeaders['if-match'])).toEqual([
      undefined,
      etag,
      next,
    ]);
  });

  test.each(['gone', 'invalid'])('a sync token refused as %s is a lost cursor', async (how) => {
    await bench.control('PUT', 'switches', { 'google.malformedSyncToken': how });
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    const bad = JSON.stringify({ ...JSON.parse(cursor!), syncToken: 'bad' });
    const lost = { kind: 'cursor-lost', what: 'cursor' };
    expect(await ask(bench, at, { cursor: bad })).toEqual(lost);
  });

  test('a refused page token is a lost checkpoint, and the cursor stays good', async () => {
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    const bad = JSON.stringify({ ...JSON.parse(cursor!), pageToken: 'bad' });
    const lost = { kind: 'cursor-lost', what: 'checkpoint' };
    expect(await ask(bench, at, { cursor, checkpoint: bad })).toEqual(lost);
    expect(await ask(bench, at, { cursor })).toMatchObject({ kind: 'delta', more: false });
  });

  test('an incremental pass whose token dies between pages has lost its cursor', async () => {
    const at = await bench.newCalendar();
    const { cursor } = await freshCopy(bench, at);
    await bench.seedEvents(
      at,
      Array.from({ length: 501 }, (_, n) => hourOn(n % 300)),
    );
    const page = await ask(bench, at, { cursor });
    await bench.loseCursor?.(at);
    const checkpoint = 'checkpoint' in page ? page.checkpoint : null;
    expect(checkpoint).not.toBeNull();
    const lost = { kind: 'cursor-lost', what: 'cursor' };
    expect(await ask(bench, at, { cursor, checkpoint })).toEqual(lost);
  });

  test('the age of an answer and the zone of the calendar are told', async () => {
    const at = await bench.newCalendar();
    await bench.fault({ on: 'pull', headers: { Age: '12' } });
    const page = await ask(bench, at, {});
    expect(page).toMatchObject({ ageMs: 12_000, timeZone: 'Europe/Paris' });
    expect(await ask(bench, at, {})).toMatchObject({ ageMs: 0 });
  });

  test('a calendar that cannot be watched says so by code', async () => {
    const at = await bench.newCalendar();
    const path = `google/calendars/${at.calendar.id}`;
    const owner = 'owner@example.com';
    await bench.control('PUT', path, { owner, timeZone: 'Europe/Paris', pushSupported: false });
    const wanted = { watchId: 'w', secret: 's', address: 'http://127.0.0.1:9', ttlMs: 60_000 };
    await expect(bench.provider.watch({ ...at, ...wanted })).rejects.toMatchObject({
      kind: 'invalid',
      code: 'pushNotSupportedForRequestedResource',
    });
  });

  test('a calendar that may only be read is listed as such', async () => {
    const at = await bench.newCalendar();
    const body = { owner: 'owner@example.com', accessRole: 'reader' };
    await bench.control('PUT', `google/calendars/${at.calendar.id}`, body);
    const listed = await bench.provider.listCalendars(at);
    expect(listed.find(({ id }) => id === at.calendar.id)).toMatchObject({ write: false });
  });

  test('a renewal is not how a watch lives on here', async () => {
    const { access } = await bench.newCalendar();
    const watch = { watchId: 'w', nativeId: 'n', expiresAt: '2027-01-01T00:00:00Z' };
    const renewed = bench.provider.renew({ access, watch, ttlMs: 1 });
    await expect(renewed).rejects.toMatchObject({ kind: 'invalid', code: 'unsupported' });
  });
});
