import { expect, it } from 'vitest';
import { createIcalProvider } from '../../src/channels/ical/provider.ts';
import type { ChannelProvider, Pulled } from '../../src/channels/channel-provider.ts';
import type { OutboundRequest, OutboundResponse } from '../../src/outbound/outbound.ts';

const URL_GIVEN = 'https://feeds.example.com/room.ics?s=hunter2';
const DATE = 'Sat, 21 Nov 2026 10:00:00 GMT';

/** A host that answers each request with the next of these, the last one for ever. */
function hostOf(...answers: (Partial<OutboundResponse> | string)[]): {
  provider: ChannelProvider;
  asked: OutboundRequest[];
} {
  const asked: OutboundRequest[] = [];
  const fetchOutside = async (request: OutboundRequest): Promise<OutboundResponse> => {
    const answer = answers[Math.min(asked.length, answers.length - 1)]!;
    asked.push(request);
    const given = typeof answer === 'string' ? { body: Buffer.from(answer) } : answer;
    return {
      status: 200,
      headers: { date: DATE },
      body: Buffer.alloc(0),
      url: URL_GIVEN,
      ...given,
    };
  };
  return { provider: createIcalProvider({ fetchOutside, limits: { pageSize: 2 } }), asked };
}

const calendar = (...events: string[]): string =>
  `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//EN\r\n${events.join('')}END:VCALENDAR\r\n`;
const stay = (uid: string, day = 1, more = ''): string =>
  `BEGIN:VEVENT\r\nUID:${uid}\r\nDTSTART;VALUE=DATE:202612${String(day).padStart(2, '0')}\r\n` +
  `SUMMARY:Somebody\r\n${more}END:VEVENT\r\n`;

type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

async function pull(
  provider: ChannelProvider,
  position: { cursor?: string | null; checkpoint?: string | null; url?: string } = {},
): Promise<Page> {
  const answer = await pullAny(provider, position);
  if (answer.kind === 'cursor-lost') throw new Error(`The ${answer.what} was lost.`);
  return answer;
}

const pullAny = (
  provider: ChannelProvider,
  position: { cursor?: string | null; checkpoint?: string | null; url?: string } = {},
): Promise<Pulled> =>
  provider.pull({
    access: { kind: 'url', url: position.url ?? URL_GIVEN },
    calendar: { id: 'room', timeZone: 'Europe/Paris' },
    cursor: position.cursor ?? null,
    checkpoint: position.checkpoint ?? null,
    window: { startAt: 0, endAt: 1 },
    nowAt: Date.parse(DATE),
    signal: new AbortController().signal,
  });

it('what a host gave to ask with is sent next time, and 304 is a delta of nothing', async () => {
  const headers = {
    date: DATE,
    etag: '"v1"',
    'last-modified': 'Sat, 21 Nov 2026 09:00:00 GMT',
    age: '42',
  };
  const { provider, asked } = hostOf(
    { headers, body: Buffer.from(calendar(stay('a'))) },
    { status: 304, headers: { date: DATE, age: '7' } },
  );
  const first = await pull(provider);
  expect(first).toMatchObject({ kind: 'snapshot', more: false, ageMs: 42_000 });
  expect(asked[0]?.headers).not.toHaveProperty('if-none-match');
  const second = await pull(provider, { cursor: first.nextCursor });
  expect(asked[1]?.headers).toMatchObject({
    'if-none-match': '"v1"',
    'if-modified-since': 'Sat, 21 Nov 2026 09:00:00 GMT',
  });
  expect(second).toEqual({
    kind: 'delta',
    changes: [],
    withheld: [],
    nextCursor: first.nextCursor,
    checkpoint: null,
    more: false,
    ageMs: 7_000,
  });
});

it('a Last-Modified of the same moment is not trusted, for it could hide an edit', async () => {
  const headers = { date: DATE, 'last-modified': 'Sat, 21 Nov 2026 09:59:59 GMT' };
  const { provider, asked } = hostOf({ headers, body: Buffer.from(calendar()) });
  const { nextCursor } = await pull(provider);
  await pull(provider, { cursor: nextCursor });
  expect(asked[1]?.headers).not.toHaveProperty('if-modified-since');
});

it('a 304 that nobody asked for is unavailable, never an unchanged calendar', async () => {
  const { provider } = hostOf({ status: 304 });
  await expect(pull(provider)).rejects.toMatchObject({ kind: 'unavailable', code: 'http-304' });
});

it('other stamps, order, line ends and folds are no change; another date is one', async () => {
  const stamped = (at: string): string => `DTSTAMP:${at}\r\nSEQUENCE:1\r\n`;
  const one = calendar(stay('a', 1, stamped('20261121T100000Z')), stay('b', 2));
  const same = calendar(stay('b', 2), stay('a', 1, stamped('20261122T100000Z')));
  const { provider } = hostOf(
    one,
    same.replaceAll('\r\n', '\n').replace('DTSTART', 'DT\n\tSTART'),
    calendar(stay('a', 1), stay('b', 3)),
  );
  const first = await pull(provider);
  const second = await pull(provider, { cursor: first.nextCursor });
  expect(second).toMatchObject({ kind: 'delta', changes: [], more: false });
  const third = await pull(provider, { cursor: second.nextCursor });
  expect(third).toMatchObject({ kind: 'snapshot', more: false });
  expect(third.changes).toHaveLength(2);
});

it('an empty but whole calendar is a snapshot of nothing', async () => {
  const { provider } = hostOf(calendar());
  expect(await pull(provider)).toMatchObject({ kind: 'snapshot', changes: [], more: false });
});

it.each([
  ['cut in an event', calendar(stay('a'), stay('b')).slice(0, -60), 'feed-incomplete'],
  ['cut before its end', calendar(stay('a')).replace('END:VCALENDAR\r\n', ''), 'feed-incomplete'],
  ['cut in its first line', 'BEGIN:VCAL', 'feed-not-a-calendar'],
  ['empty', '', 'feed-not-a-calendar'],
  ['a page for people', '<!doctype html><title>Sign in</title>', 'feed-not-a-calendar'],
])('a file that is %s is refused as a whole', async (_, text, code) => {
  const { provider } = hostOf(calendar(stay('a')), text);
  const { nextCursor } = await pull(provider);
  const later = pull(provider, { cursor: nextCursor });
  await expect(later).rejects.toMatchObject({ kind: 'invalid', code });
});

it('a large file comes in pages of one content, read once', async () => {
  const days = [5, 3, 1, 4, 2];
  const { provider, asked } = hostOf(
    calendar(...days.map((day) => stay(`u${day}`, day))),
    calendar(),
  );
  const seen: string[] = [];
  let page = await pull(provider);
  for (;;) {
    expect(page.kind).toBe('snapshot');
    seen.push(...page.changes.map((one) => (one.kind === 'upsert' ? one.event.nativeId : '')));
    if (!page.more) break;
    expect(page.nextCursor).toBeNull();
    page = await pull(provider, { checkpoint: page.checkpoint });
  }
  expect(seen).toEqual(['u1', 'u2', 'u3', 'u4', 'u5']);
  expect(page).toMatchObject({ more: false, checkpoint: null });
  expect(asked).toHaveLength(1);
});

it('another process goes on with the same content, and loses the place in another', async () => {
  const text = calendar(stay('a'), stay('b'), stay('c'));
  const { checkpoint } = await pull(hostOf(text).provider);
  const same = await pull(hostOf(text).provider, { checkpoint });
  expect(same).toMatchObject({ kind: 'snapshot', more: false, changes: [{ event: { uid: 'c' } }] });
  const changed = hostOf(calendar(stay('a'), stay('c'))).provider;
  expect(await pullAny(changed, { checkpoint })).toEqual({
    kind: 'cursor-lost',
    what: 'checkpoint',
  });
});

it('the place in the file of one address is none in that of another', async () => {
  const { provider } = hostOf(calendar(stay('a'), stay('b'), stay('c')));
  const { checkpoint } = await pull(provider);
  const url = 'https://feeds.example.com/other.ics';
  expect(await pullAny(provider, { checkpoint, url })).toMatchObject({ what: 'checkpoint' });
});

it('an entry that is not understood is withheld beside the others and still blocks', async () => {
  const bad = stay('bad', 9, 'RRULE:FREQ=SOMETIMES\r\n');
  const { provider } = hostOf(calendar(stay('a'), bad));
  const page = await pull(provider);
  expect(page.changes).toMatchObject([{ event: { nativeId: 'a' } }]);
  expect(page.withheld).toMatchObject([
    { nativeId: 'bad', event: { start: { kind: 'date', date: '2026-12-09' } } },
  ]);
});

it('cancelled and free entries say so; all else is busy', async () => {
  const { provider } = hostOf(
    calendar(stay('a', 1, 'STATUS:CANCELLED\r\n'), stay('b', 2, 'TRANSP:TRANSPARENT\r\n')),
    calendar(stay('c')),
  );
  expect((await pull(provider)).changes).toMatchObject([
    { event: { nativeId: 'a', status: 'cancelled' } },
    { event: { nativeId: 'b', transparency: 'transparent' } },
  ]);
  expect((await pull(provider)).changes).toMatchObject([
    { event: { nativeId: 'c', status: 'confirmed', transparency: 'opaque' } },
  ]);
});

it('nothing of what an entry is about leaves the provider, nor does the address', async () => {
  const { provider } = hostOf(calendar(stay('a', 1, 'DESCRIPTION:Phone 1234\r\n')));
  const seen = JSON.stringify(await pull(provider));
  expect(seen).not.toMatch(/Somebody|1234|hunter2|room\.ics/);
});

it('a UID folded in the middle of a character, or written in Latin-1, is read', async () => {
  const [before, after] = calendar(stay('zoë')).split('ë');
  const folded = Buffer.concat([
    Buffer.from(before!),
    Buffer.from([0xc3, 0x0d, 0x0a, 0x20, 0xab]),
    Buffer.from(after!),
  ]);
  const headers = { 'content-type': 'text/calendar; charset=ISO-8859-1' };
  const { provider } = hostOf(
    { body: folded },
    { headers, body: Buffer.from(calendar(stay('zoë')), 'latin1') },
  );
  for (const _ of [1, 2])
    expect((await pull(provider)).changes).toMatchObject([{ event: { uid: 'zoë' } }]);
});

it('an account has one calendar, named by its host alone, in the zone of its file', async () => {
  const zoned = calendar().replace('END:', 'X-WR-TIMEZONE:Asia/Tokyo\r\nEND:');
  const { provider } = hostOf(zoned, '<html>');
  const access = { kind: 'url' as const, url: URL_GIVEN };
  const listed = await provider.listCalendars({ access });
  expect(listed).toEqual([
    {
      id: expect.stringMatching(/^[\w-]{22}$/),
      name: 'feeds.example.com',
      timeZone: 'Asia/Tokyo',
      push: false,
      write: false,
      primary: true,
    },
  ]);
  const again = provider.listCalendars({ access });
  await expect(again).rejects.toMatchObject({ code: 'feed-not-a-calendar' });
});

it('the limits of a request are those of the settings and the given ones', async () => {
  const { provider, asked } = hostOf(calendar());
  await pull(provider);
  expect(asked[0]).toMatchObject({ maxBytes: 10_485_760, maxRedirects: 5, url: URL_GIVEN });
});

it('what a feed cannot do is refused as unsupported', async () => {
  const { provider } = hostOf(calendar());
  const refusal = { kind: 'invalid', code: 'unsupported' };
  expect(() =>
    provider.authorizationUrl({ state: 's', codeChallenge: 'c', redirectUri: 'r' }),
  ).toThrow('unsupported');
  await expect(provider.refresh({ refreshToken: 't', nowAt: 0 })).rejects.toMatchObject(refusal);
  expect(provider.receive({ headers: {}, query: {}, rawBody: Buffer.alloc(0) })).toEqual({
    reply: { status: 404 },
    hints: [],
  });
});
