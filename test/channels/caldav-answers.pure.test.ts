import { describe, expect, it, test } from 'vitest';
import { failureOf } from '../../src/channels/caldav/failures.ts';
import { canonicalPath, memberId, memberUrl } from '../../src/channels/caldav/hrefs.ts';
import { mapResource } from '../../src/channels/caldav/mapping.ts';
import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import { CALDAV, childOf, DAV, readXml } from '../../src/channels/caldav/xml.ts';
import { readFreeBusy } from '../../src/calendar/read-free-busy.ts';
import { zoneOfTimezone } from '../../src/calendar/calendar-zone.ts';

describe('an XML answer', () => {
  it('is read by namespace, whatever its prefixes are', () => {
    for (const text of [
      '<d:a xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><c:b>1.0</c:b></d:a>',
      '<a xmlns="DAV:"><b xmlns="urn:ietf:params:xml:ns:caldav">1.0</b></a>',
      `<?xml version="1.0"?><!-- <x> --><x:a xmlns:x='DAV:'><y:b xmlns:y='${CALDAV}'><![CDATA[1.0]]></y:b></x:a>`,
    ]) {
      const root = readXml(text);
      expect([root.space, root.name]).toEqual([DAV, 'a']);
      expect(childOf(root, 'b', CALDAV)?.text).toBe('1.0');
    }
  });

  it('keeps values as they are written, entities resolved once', () => {
    const text = '<a>&lt;&amp;lt;&#65;&#x1F600;<![CDATA[&amp;<b>]]> 007 1e5</a>';
    expect(readXml(text).text).toBe('<&lt;A😀&amp;<b> 007 1e5');
  });

  test.each([
    '<!DOCTYPE a><a/>',
    '<?xml version="1.0"?>\n<!-- c --><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '\uFEFF<!doctype html><html></html>',
  ])('with a document type is refused: %j', (text) => {
    expect(() => readXml(text)).toThrow(/xml-with-dtd/);
  });

  test.each([
    '',
    'text',
    '<a>',
    '<a><b></a></b>',
    '<a/><b/>',
    '<a></a',
    '<a b=c/>',
    '<a>&unknown;</a>',
    '<a>&constructor;</a>',
    '<a b="&"/>',
    '<a>&#x110000;</a>',
    '<a><!-- -- --></a>',
    '<1/>',
    '</a>',
    '<a><!ENTITY x "y"></a>',
    `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
  ])('that is not well-formed is refused: %j', (text) => {
    expect(() => readXml(text)).toThrow(/bad-xml|xml-with-dtd/);
  });

  it('that is cut anywhere is refused', () => {
    const text = '<d:a xmlns:d="DAV:"><d:b><![CDATA[x]]></d:b><!-- c --><d:c e="f"/></d:a>';
    for (let end = 0; end < text.length; end += 1)
      expect(() => readXml(text.slice(0, end))).toThrow(/bad-xml/);
  });
});

describe('an XML answer that would be slow to read', () => {
  it.each([
    ['one element of them all', (all: string) => `<a ${all}/>`],
    ['each element below', (all: string) => `<a ${all}>${'<b xmlns:z="z"/>'.repeat(20_000)}</a>`],
  ])('for its namespaces costs no more than its length: %s', (_, written) => {
    const all = Array.from({ length: 20_000 }, (_none, index) => `xmlns:n${index}="n"`).join(' ');
    const startedAt = performance.now();
    expect(readXml(written(all)).name).toBe('a');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe('a href', () => {
  const collection = new URL('https://dav.example.com/me%40x/cal/');

  test.each([
    ['/me%40x/cal/a.ics', 'a.ics'],
    ['/me@x/cal/a.ics', 'a.ics'],
    ['https://dav.example.com/me@x/cal/a.ics', 'a.ics'],
    ['http://inner:8080/me%40x/cal/a.ics', 'a.ics'],
    ['a.ics', 'a.ics'],
    ['/me@x/cal/a%2fb', 'a%2Fb'],
    ['/me@x/cal/%c3%a9+1', '%C3%A9%2B1'],
    ['/other/b.ics', '/other/b.ics'],
    ['/me@x/cal/', null],
    ['/me%40x/cal', null],
    ['/me@x/cal/inner/', null],
    ['/me@x/cal/%ff', '%ff'],
  ])('%s is the member %s', (href, id) => {
    expect(memberId(href, collection)).toBe(id);
  });

  it('of a member is asked for at its own origin, whatever its id says', () => {
    for (const id of ['a.ics', '/other/b.ics', '//evil.example/x', 'https://evil.example/', '..'])
      expect(memberUrl(id, collection).origin).toBe('https://dav.example.com');
    expect(canonicalPath('http://[', collection)).toBeNull();
  });
});

describe('a resource', () => {
  const resource = (...events: string[][]) => ({
    id: 'a.ics',
    etag: '"1"',
    data: ['BEGIN:VCALENDAR', ...events.flat(), 'END:VCALENDAR', ''].join('\r\n'),
  });
  const event = (...lines: string[]) => ['BEGIN:VEVENT', 'UID:u', ...lines, 'END:VEVENT'];
  const master = event('DTSTART:20270104T090000Z', 'DTEND:20270104T100000Z', 'RRULE:FREQ=WEEKLY');
  const moved = event(
    'RECURRENCE-ID:20270111T090000Z',
    'DTSTART:20270112T090000Z',
    'DTEND:20270112T100000Z',
  );
  const options = { zone: 'UTC', replaces: true };

  it('has ids made of its name, so that a tombstone names it without being read', () => {
    const { changes } = mapResource(resource(moved, master), options);
    expect(changes.map((one) => (one.kind === 'upsert' ? one.event : one))).toMatchObject([
      { kind: 'removed', nativeId: 'a.ics' },
      { nativeId: 'a.ics#2027-01-11T09:00:00Z', seriesId: 'a.ics', uid: 'u', etag: '"1"' },
      { nativeId: 'a.ics', seriesId: null, uid: 'u', etag: '"1"' },
    ]);
  });

  it('with an exception alone is removed by its name too', () => {
    const { changes } = mapResource(resource(moved), options);
    expect(changes[1]).toMatchObject({ event: { seriesId: 'a.ics' } });
  });

  it('of which a part cannot be read keeps what was known of it', () => {
    const { changes, withheld } = mapResource(resource(event('DTSTART:soon')), options);
    expect(changes).toEqual([]);
    expect(withheld).toEqual([{ nativeId: 'a.ics', reason: 'bad-start', event: null }]);
  });

  it('with a second series blocks the start of it and says so', () => {
    const other = master.map((line) => line.replace('UID:u', 'UID:v'));
    const { withheld } = mapResource(resource(master, other), options);
    expect(withheld).toMatchObject([
      {
        reason: 'several-series',
        event: { seriesId: 'a.ics', start: { at: '2027-01-04T09:00:00Z' } },
      },
    ]);
  });

  it('gives no title away', () => {
    const secret = event('DTSTART:20270104T090000Z', 'SUMMARY:Secret', 'ATTENDEE:mailto:g@x.test');
    expect(JSON.stringify(mapResource(resource(secret), options))).not.toMatch(/Secret|g@x/);
  });
});

test.each([
  [
    403,
    '<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>',
    'cursor-lost',
    'valid-sync-token',
  ],
  [412, '<error xmlns="DAV:"><valid-sync-token/></error>', 'cursor-lost', 'valid-sync-token'],
  [
    409,
    '<d:error xmlns:d="DAV:"><c:no-uid-conflict xmlns:c="urn:ietf:params:xml:ns:caldav"><d:href>/x</d:href></c:no-uid-conflict></d:error>',
    'conflict',
    'no-uid-conflict',
  ],
  [
    403,
    '<d:error xmlns:d="DAV:"><s:message xmlns:s="x">Text</s:message></d:error>',
    'unauthorized',
    'http-403',
  ],
  [400, '<!DOCTYPE x><error xmlns="DAV:"><a/></error>', 'invalid', 'http-400'],
  [423, '', 'unavailable', 'http-423'],
  [501, '', 'invalid', 'http-501'],
  [
    507,
    '<d:error xmlns:d="DAV:"><d:quota-not-exceeded/></d:error>',
    'unavailable',
    'quota-not-exceeded',
  ],
])('a %d that says %j is %s: %s', (status, text, kind, code) => {
  expect(failureOf({ status, headers: {}, text }, 0)).toMatchObject({ kind, code });
});

test('free and busy time is read in every form, merged and cut to what was asked', () => {
  const window = {
    startAt: Date.parse('2027-01-01T00:00:00Z'),
    endAt: Date.parse('2027-02-01T00:00:00Z'),
  };
  const text = [
    'BEGIN:VCALENDAR',
    'BEGIN:VFREEBUSY',
    'FREEBUSY:20270105T090000Z/20270105T100000Z,20270105T093000Z/PT2H',
    'FREEBUSY;FBTYPE=FREE:20270106T090000Z/PT1H',
    'FREEBUSY;FBTYPE=BUSY-TENTATIVE:20270107T090000Z/PT1H',
    'FREEBUSY;FBTYPE=X-OTHER:20261231T230000Z/20270101T010000Z',
    'FREEBUSY:nonsense',
    'END:VFREEBUSY',
    'END:VCALENDAR',
  ].join('\r\n');
  const hours = (from: string, to: string) => ({
    startAt: Date.parse(from),
    endAt: Date.parse(to),
  });
  expect(readFreeBusy(text, window)).toEqual([
    hours('2027-01-01T00:00:00Z', '2027-01-01T01:00:00Z'),
    hours('2027-01-05T09:00:00Z', '2027-01-05T11:30:00Z'),
    hours('2027-01-07T09:00:00Z', '2027-01-07T10:00:00Z'),
  ]);
  expect(readFreeBusy('BEGIN:VCALENDAR\r\nEND:VCALENDAR', window)).toBeNull();
});

test('a calendar states its zone by name, by a prefixed name, or in a way nobody knows', () => {
  const zone = (tzid: string) =>
    `BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:${tzid}\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n`;
  expect(zoneOfTimezone(zone('Europe/Paris'))).toBe('Europe/Paris');
  expect(zoneOfTimezone(zone('W. Europe Standard Time'))).toBe('Europe/Berlin');
  expect(zoneOfTimezone(zone('Nowhere'))).toBeNull();
  expect(zoneOfTimezone('')).toBeNull();
});

test.each(['<', '&', '</', '<!'])(
  'an answer of nothing but %s is refused at once',
  async (text) => {
    const body = `<d:multistatus xmlns:d="DAV:"><d:response>${text.repeat(200_000)}`;
    const serverUrl = 'https://dav.example.com/';
    const { listCalendars } = createCaldavProvider({
      parties: [],
      plainHttpHosts: [],
      fetchOutside: ({ url }) =>
        Promise.resolve({ status: 207, headers: {}, body: new TextEncoder().encode(body), url }),
    });
    const access = { kind: 'basic', serverUrl, homeUrl: serverUrl, username: 'u', password: 'p' };
    const startedAt = performance.now();
    await expect(listCalendars({ access } as Parameters<typeof listCalendars>[0])).rejects.toThrow(
      /bad-xml/,
    );
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  },
);
