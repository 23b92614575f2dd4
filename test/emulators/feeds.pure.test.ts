import { gunzipSync } from 'node:zlib';
import http from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startEmulators } from '../../src/emulators/server.ts';
import { sendJson } from './stripe-world.ts';

const TEXT = 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n';
const STAY = { start: '2026-12-01', end: '2026-12-05' };

async function openFeeds() {
  const emulators = await startEmulators();
  onTestFinished(() => emulators.close());
  return {
    control: async (path: string, body?: unknown, method?: string) =>
      (await sendJson(`${emulators.url}/control/feeds${path}`, body, method)).body,
    put: async (body: unknown) =>
      (await sendJson(`${emulators.url}/control/feeds/villa`, body, 'PUT')).body,
    manner: (body: unknown) =>
      sendJson(`${emulators.url}/control/feeds/villa/manner`, body, 'PATCH'),
    get: (path = '/feeds/villa.ics', headers: Record<string, string> = {}) =>
      fetch(emulators.url + path, { headers, redirect: 'manual' }),
    url: emulators.url,
  };
}

describe('a feed with a text of its own', () => {
  test('is served as it was put, byte for byte', async () => {
    const { get, url } = await openFeeds();
    const bytes = Buffer.concat([Buffer.from(TEXT), Buffer.from([0xff, 0xc3])]);
    await fetch(`${url}/control/feeds/villa`, { method: 'PUT', body: bytes });
    const answer = await get();
    expect(answer.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
  });

  test('is 304 to what the client has, and 200 after an edit', async () => {
    const { get, put } = await openFeeds();
    await put({ body: TEXT });
    const first = await get();
    const etag = String(first.headers.get('etag'));
    const modified = String(first.headers.get('last-modified'));
    expect((await get(undefined, { 'if-none-match': `"other", W/${etag}` })).status).toBe(304);
    expect((await get(undefined, { 'if-none-match': '*' })).status).toBe(304);
    expect((await get(undefined, { 'if-modified-since': modified })).status).toBe(304);
    const both = { 'if-none-match': '"other"', 'if-modified-since': modified };
    expect((await get(undefined, both)).status).toBe(200);
    await put({ body: TEXT.replace('2.0', '2.1') });
    expect((await get(undefined, { 'if-none-match': etag })).status).toBe(200);
  });

  test('is not there without its secret', async () => {
    const { get, put } = await openFeeds();
    await put({ body: TEXT, secret: 's3cret' });
    expect((await get()).status).toBe(404);
    expect((await get('/feeds/villa.ics?s=wrong')).status).toBe(404);
    expect((await get('/feeds/villa.ics?s=s3cret')).status).toBe(200);
  });
});

describe('a feed in the style of a site', () => {
  test('an Airbnb entry keeps its UID when its dates change, and is stamped at each fetch', async () => {
    const { control, put, get } = await openFeeds();
    await put({ style: 'airbnb' });
    const added = await control('/villa/events', { ...STAY, kind: 'reservation' });
    const { uid } = added['event'];
    expect(uid).toMatch(/^1418fb94e984-[0-9a-f]{32}@airbnb\.com$/);
    const text = await (await get()).text();
    expect(text).toContain('DTSTART;VALUE=DATE:20261201\r\nDTEND;VALUE=DATE:20261205\r\n');
    expect(text).toContain('SUMMARY:Reserved\r\n');
    expect(text).toMatch(/DTSTAMP:\d{8}T\d{6}Z\r\n/);
    expect(text.split('\r\n').every((line) => Buffer.byteLength(line) <= 75)).toBe(true);
    expect(text.replaceAll('\r\n ', '')).toContain('Phone Number (Last 4 Digits): ');

    const path = `/villa/events/${encodeURIComponent(uid)}`;
    const moved = await control(path, { end: '2026-12-06' }, 'PATCH');
    expect(moved['event'].uid).toBe(uid);
    await control(path, undefined, 'DELETE');
    expect(await (await get()).text()).not.toContain('VEVENT');
  });

  test('a Booking.com entry has a new UID when its dates change, and never says who', async () => {
    const { control, put, get } = await openFeeds();
    await put({ style: 'booking', events: [{ ...STAY, guest: 'Any Guest' }] });
    const { events } = await control('/villa');
    const path = `/villa/events/${encodeURIComponent(events[0].uid)}`;
    const moved = await control(path, { end: '2026-12-06' }, 'PATCH');
    expect(moved['event'].uid).not.toBe(events[0].uid);
    const text = await (await get()).text();
    expect(text).toContain('METHOD:PUBLISH');
    expect(text).toContain('SUMMARY:CLOSED - Not available');
    expect(text).not.toContain('Guest');
  });

  test('a Vrbo feed ends its lines with LF alone', async () => {
    const { put, get } = await openFeeds();
    await put({ style: 'vrbo', events: [{ ...STAY, guest: 'Guest, A' }] });
    const text = await (await get()).text();
    expect(text).toContain('\nSUMMARY:Reserved - Guest\\, A\n');
    expect(text).not.toContain('\r');
  });

  test('blocks may get new UIDs overnight with the same dates', async () => {
    const { control, put } = await openFeeds();
    const { events: before } = await put({
      style: 'airbnb',
      events: [STAY, { ...STAY, kind: 'block' }],
    }).then(() => control('/villa'));
    const { events: after } = await control('/villa/renew-uids', { kind: 'block' });
    expect(after[0].uid).toBe(before[0].uid);
    expect(after[1].uid).not.toBe(before[1].uid);
    expect(after[1].start).toBe(before[1].start);
  });

  test('an entry that ends before it starts is refused', async () => {
    const { control, put } = await openFeeds();
    await put({ style: 'vrbo' });
    const answer = await control('/villa/events', { start: STAY.end, end: STAY.start });
    expect(answer['error']).toContain('exclusive');
  });
});

describe('a feed served badly', () => {
  test.each([
    ['none', /^absent$/, false],
    ['weak', /^W\/"1"$/, true],
    ['strong', /^"[\w-]{27}"$/, true],
    ['etag-only', /^"[\w-]{27}"$/, false],
    ['last-modified-only', /^absent$/, true],
  ])('validators: %s', async (validators, etag, dated) => {
    const { put, get } = await openFeeds();
    await put({ body: TEXT, manner: { validators } });
    const { headers } = await get();
    expect(headers.get('etag') ?? 'absent').toMatch(etag);
    expect(headers.has('last-modified')).toBe(dated);
  });

  test('conditions may be ignored', async () => {
    const { put, get, manner } = await openFeeds();
    await put({ body: TEXT });
    await manner({ ignoresConditionals: true });
    expect((await get(undefined, { 'if-none-match': '*' })).status).toBe(200);
  });

  test('gzip is sent to who takes it, or to everybody, also as a bomb', async () => {
    const { put, url } = await openFeeds();
    const fetchRaw = (headers: Record<string, string>) =>
      new Promise<{ encoding: string | undefined; bytes: Buffer }>((resolve, reject) => {
        http.get(`${url}/feeds/villa.ics`, { headers }, (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('end', () =>
            resolve({ encoding: res.headers['content-encoding'], bytes: Buffer.concat(chunks) }),
          );
          res.on('error', reject);
        });
      });
    await put({ body: TEXT, manner: { encoding: 'gzip' } });
    expect((await fetchRaw({})).encoding).toBeUndefined();
    const { encoding, bytes } = await fetchRaw({ 'accept-encoding': 'gzip' });
    expect([encoding, gunzipSync(bytes).toString()]).toEqual(['gzip', TEXT]);
    await put({ manner: { encoding: 'gzip-unasked', padToBytes: 20_000_000 } });
    const bomb = await fetchRaw({});
    expect(bomb.bytes.length).toBeLessThan(200_000);
    expect(gunzipSync(bomb.bytes).length).toBe(20_000_000);
  });

  test('the text may be cut with and without a sign of it', async () => {
    const { put, get } = await openFeeds();
    await put({ body: TEXT, manner: { truncated: 'clean' } });
    expect(await (await get()).text()).toBe(TEXT.slice(0, TEXT.length >> 1));
    await put({ manner: { truncated: 'connection' } });
    await expect(get().then((answer) => answer.text())).rejects.toThrow('terminated');
  });

  test('it may redirect, in a loop too, fail, or name another content type', async () => {
    const { put, get, url } = await openFeeds();
    await put({ body: TEXT, manner: { redirectTo: 'https://example.test/x.ics' } });
    const away = await get();
    expect([away.status, away.headers.get('location')]).toEqual([
      302,
      'https://example.test/x.ics',
    ]);
    await put({ manner: { redirectTo: '', redirectLoop: true, redirectStatus: 307 } });
    expect((await get()).headers.get('location')).toBe('/feeds/villa.ics?turn=1');
    await expect(fetch(`${url}/feeds/villa.ics`)).rejects.toThrow('fetch failed');
    const failing = { redirectLoop: false, status: 503 };
    await put({ manner: failing, headers: { 'retry-after': '7' } });
    const failed = await get();
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '7']);
    await put({ manner: { status: 200, contentType: 'text/html' } });
    expect((await get()).headers.get('content-type')).toContain('text/html');
  });

  test('it may come without a length, and slowly', async () => {
    const { put, get } = await openFeeds();
    await put({ body: TEXT.repeat(10), manner: { chunked: true, trickleMs: 20 } });
    const startedAt = performance.now();
    const answer = await get();
    expect(answer.headers.has('content-length')).toBe(false);
    expect(await answer.text()).toBe(TEXT.repeat(10));
    expect(performance.now() - startedAt).toBeGreaterThan(100);
  });

  test('a manner that does not exist is refused by name', async () => {
    const { put, manner } = await openFeeds();
    await put({ body: TEXT });
    expect((await manner({ fast: true })).body['error']).toContain('"fast"');
    expect((await manner({ chunked: 'yes' })).body['error']).toContain('boolean');
  });
});
