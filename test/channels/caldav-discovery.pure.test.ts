import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
  test,
} from 'vitest';
import type { CaldavSettings } from '../../src/channels/caldav/dav.ts';
import { isOneParty } from '../../src/channels/caldav/hosts.ts';
import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import type { Credential } from '../../src/channels/channel-provider.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import type { OutboundRequest } from '../../src/outbound/outbound.ts';
import { PRIVATE_SPELLINGS } from '../outbound/spellings.ts';
import { openCaldavBench } from '../laws/caldav-bench.ts';
import type { CaldavBench } from '../laws/caldav-bench.ts';

let opened: CaldavBench | undefined;
const bench = (): CaldavBench => opened!;
beforeAll(async () => {
  opened = await openCaldavBench();
});
afterAll(() => opened?.close());

const position = (switches: Record<string, unknown>) =>
  bench().takePosition({ name: 'told', switches });
beforeEach(() => position({}));

const proved = async (given: Partial<Extract<Credential, { kind: 'basic' }>> = {}) => {
  const { credential } = await bench().provider.prove({
    credential: { ...bench().given, ...given },
  });
  if (credential.kind !== 'basic') throw new Error('A password became something else.');
  return credential;
};

describe('connecting an account', () => {
  test.each(['301', '302', '307', '308', 'missing'])(
    'finds the home set by well-known address (%s)',
    async (wellKnown) => {
      await position({ 'caldav.wellKnown': wellKnown });
      const { homeUrl, password } = await proved();
      expect(homeUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/.+\/$/);
      expect(password).toBe(bench().given.password);
    },
  );

  it('keeps the partition host where the calendars live', async () => {
    await position({ 'caldav.partition': 'other' });
    const { homeUrl, serverUrl } = await proved();
    expect(new URL(homeUrl!).origin).toBe(bench().partitionUrl);
    expect(new URL(serverUrl).origin).toBe(bench().url);
    const access = await proved();
    await bench().control('PUT', 'caldav/calendars/one', { owner: bench().given.username });
    const listed = await bench().provider.listCalendars({ access });
    expect(listed.map(({ id }) => new URL(id).origin)).toContain(bench().partitionUrl);
  });

  it('says whose account it is, the same at every proof', async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(() => bench().provider.prove({ credential: bench().given })),
    );
    expect(one!.subject).not.toBeNull();
    expect(two!.subject).toBe(one!.subject);
  });

  it('tells a refused password from a server without calendars', async () => {
    const wrong = proved({ password: 'wrong' });
    await expect(wrong).rejects.toMatchObject({ kind: 'unauthorized' });
    const server = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const serverUrl = `http://${host}/`;
    const settings = { ...bench().settings, fetchOutside: plainFetch, plainHttpHosts: [host] };
    const nothing = createCaldavProvider(settings).prove({
      credential: { ...bench().given, serverUrl },
    });
    await expect(nothing).rejects.toMatchObject({ kind: 'invalid', code: 'no-calendars-here' });
  });

  test.each([
    [{ username: 'a:b' }, 'username'],
    [{ username: 'a\nb' }, 'username'],
    [{ username: '' }, 'username'],
    [{ password: 'a\r\nb' }, 'password'],
    [{ serverUrl: 'https://' }, 'server-url'],
    [{ serverUrl: 'http://calendars.example.com/' }, 'https-needed'],
  ])('refuses what cannot be sent safely: %j', async (given, code) => {
    await expect(proved(given)).rejects.toMatchObject({ kind: 'invalid', code });
  });

  test.each([
    ['', 'https://caldav.icloud.com/.well-known/caldav'],
    ['caldav.example.com', 'https://caldav.example.com/.well-known/caldav'],
    [' https://example.com/dav/me ', 'https://example.com/dav/me'],
  ])('reads the address %j as a person means it', async (serverUrl, asked) => {
    const seen: string[] = [];
    const settings: CaldavSettings = {
      parties: ['icloud.com'],
      plainHttpHosts: [],
      fetchOutside: async ({ url }) => {
        seen.push(url);
        return { status: 401, headers: {}, body: new Uint8Array(), url };
      },
    };
    const refused = createCaldavProvider(settings).prove({
      credential: { ...bench().given, serverUrl },
    });
    await expect(refused).rejects.toMatchObject({ kind: 'unauthorized' });
    expect(seen).toEqual([asked]);
  });
});

describe('calendars', () => {
  it('are those that hold events, with rights, zone and absolute address', async () => {
    const owner = bench().given.username;
    const make = (id: string, body: object) =>
      bench().control('PUT', `caldav/calendars/${id}`, { owner, ...body });
    await make('mine', { displayName: '1e3', timezone: 'America/New_York' });
    await make('theirs', { displayName: 'Theirs', readOnly: true });
    await make('tasks', { displayName: 'Tasks', components: ['VTODO'] });
    const listed = await bench().provider.listCalendars({ access: await proved() });
    const of = (id: string) => listed.find((one) => one.id.endsWith(`/${id}/`));
    expect(of('mine')).toMatchObject({ timeZone: 'America/New_York', write: true, push: false });
    expect(of('theirs')).toMatchObject({ name: 'Theirs', write: false });
    expect(of('tasks')).toBeUndefined();
    for (const { id } of listed) expect(new URL(id).origin).toBe(bench().url);
  });
});

describe('a server that leads away', () => {
  /** Listens where the password must not arrive, at an address that is otherwise open to us. */
  async function trap() {
    let heard = 0;
    const server = createServer((_, response) => {
      heard += 1;
      response.end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { settings } = bench();
    const open = [...settings.plainHttpHosts, host];
    const outbound = createOutbound({ allow: open });
    onTestFinished(async () => {
      await outbound.close();
      server.close();
    });
    const { fetchOutside } = outbound;
    return {
      address: `http://${host}/elsewhere/`,
      heard: () => heard,
      provider: createCaldavProvider({ ...settings, fetchOutside, plainHttpHosts: open }),
    };
  }

  test.each(['principal', 'homeSet', 'redirect'])(
    'by its %s gets no account, and nobody else the password',
    async (hostile) => {
      const { address, heard, provider } = await trap();
      await position({ 'caldav.hostile': hostile, 'caldav.hostileAddress': address });
      const refused = provider.prove({ credential: bench().given });
      await expect(refused).rejects.toMatchObject({
        kind: 'invalid',
        code: hostile === 'redirect' ? 'outbound-redirect-refused' : 'other-party',
      });
      expect(heard()).toBe(0);
    },
  );

  it('by the address of a calendar does not have that calendar listed', async () => {
    const { address, heard, provider } = await trap();
    const access = await proved();
    await position({ 'caldav.hostile': 'calendar', 'caldav.hostileAddress': address });
    expect(await provider.listCalendars({ access })).toEqual([]);
    expect(heard()).toBe(0);
  });

  it('by the addresses of members is asked for them itself', async () => {
    const { address, heard, provider } = await trap();
    const at = await bench().newCalendar();
    const event = { startAt: '2027-03-01T09:00:00.000Z', endAt: '2027-03-01T10:00:00.000Z' };
    const [id] = await bench().seedEvents(at, [event]);
    await position({ 'caldav.hostile': 'member', 'caldav.hostileAddress': address });
    const pulled = await provider.pull({
      ...at,
      cursor: null,
      checkpoint: null,
      window: { startAt: 0, endAt: 1 },
      nowAt: 0,
      signal: new AbortController().signal,
    });
    expect(pulled).toMatchObject({ changes: [{ event: { nativeId: id } }] });
    expect(heard()).toBe(0);
  });

  it('is not asked through a calendar of another host that a caller names', async () => {
    const { address, heard, provider } = await trap();
    const at = await bench().newCalendar();
    const calendar = { ...at.calendar, id: address };
    const read = provider.read({ ...at, calendar, nativeId: 'a.ics' });
    await expect(read).rejects.toMatchObject({ kind: 'invalid', code: 'other-party' });
    expect(heard()).toBe(0);
  });

  test.each(PRIVATE_SPELLINGS)('does not lead us to a home set at %j', async (address) => {
    const asked: string[] = [];
    const home = address.replaceAll('&', '&amp;');
    const body = Buffer.from(
      `<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:response><d:href>/</d:href><d:propstat><d:prop><c:calendar-home-set><d:href>${home}</d:href></c:calendar-home-set></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>`,
    );
    const provider = createCaldavProvider({
      parties: ['icloud.com'],
      plainHttpHosts: [],
      fetchOutside: async ({ url }) => {
        asked.push(new URL(url).hostname);
        return { status: 207, headers: {}, body, url };
      },
    });
    const serverUrl = 'https://caldav.icloud.com/';
    const refused = provider.prove({ credential: { ...bench().given, serverUrl } });
    await expect(refused).rejects.toMatchObject({ kind: 'invalid' });
    expect(new Set(asked)).toEqual(new Set(['caldav.icloud.com']));
  });

  test.each(['doctype', 'entityBomb', 'externalEntity'])(
    'by a document type (%s) is refused before anything is parsed',
    async (xmlExtra) => {
      await position({ 'caldav.xmlExtra': xmlExtra });
      await expect(proved()).rejects.toMatchObject({ kind: 'invalid' });
      const at = { ...bench().given, homeUrl: `${bench().url}/dav/` };
      const listed = bench().provider.listCalendars({ access: at });
      await expect(listed).rejects.toMatchObject({ kind: 'invalid' });
    },
  );
});

test.each([
  ['https://caldav.icloud.com/', 'https://p42-caldav.icloud.com:443/1/calendars/', true],
  ['https://caldav.icloud.com/', 'http://p42-caldav.icloud.com/', false],
  ['https://caldav.icloud.com/', 'https://p42-caldav.icloud.com:8443/', false],
  ['https://caldav.icloud.com/', 'https://icloud.com.evil.example/', false],
  ['https://caldav.icloud.com/', 'https://evilicloud.com/', false],
  ['https://evil.example/', 'https://p42-caldav.icloud.com/', false],
  ['https://dav.example.com/', 'https://dav.example.com:443/x', true],
  ['https://dav.example.com/', 'https://dav.example.com:8443/', false],
  ['https://dav.example.com/', 'https://www.example.com/', false],
  ['http://dav.example.com/', 'https://dav.example.com/', true],
  ['https://dav.example.com/', 'http://dav.example.com/', false],
])('from %s to %s the password goes along: %s', (from, to, expected) => {
  expect(isOneParty(new URL(from), new URL(to), ['icloud.com'])).toBe(expected);
});

async function plainFetch({ url, method = 'GET', headers = {} }: OutboundRequest) {
  const response = await fetch(url, { method, headers });
  return { status: response.status, headers: {}, body: new Uint8Array(), url };
}
