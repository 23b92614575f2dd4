import { describe, expect, it } from 'vitest';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { PRIVATE_SPELLINGS } from './spellings.ts';

const PUBLIC = ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'];
const outbound = createOutbound({
  allow: ['127.0.0.1:4300', '[::1]:4301', 'Feeds.Test:4302', 'inside.test'],
  resolve: async () => PUBLIC,
});

describe('an address a person gives', () => {
  it.each(PRIVATE_SPELLINGS)('is refused as private: %j', async (url) => {
    expect(await outbound.checkAddress(url)).toMatchObject({ code: 'outbound-private-address' });
  });

  it.each([
    ['http://[fe80::1%25eth0]/', 'outbound-address'],
    ['http://[fe80::1%eth0]/', 'outbound-address'],
    ['http://127.0.0.1.1/', 'outbound-address'],
    ['http://256.0.0.1/', 'outbound-address'],
    ['http:///', 'outbound-address'],
    ['calendar.ics', 'outbound-address'],
    [`https://feeds.example.com/${'a'.repeat(5_000)}`, 'outbound-address'],
    ['webcal://feeds.example.com/a.ics', 'outbound-scheme'],
    ['file:///etc/passwd', 'outbound-scheme'],
    ['gopher://feeds.example.com/', 'outbound-scheme'],
    ['javascript:alert(1)', 'outbound-scheme'],
    ['https://me:secret@feeds.example.com/', 'outbound-userinfo'],
    ['https://feeds.example.com@127.0.0.1/', 'outbound-userinfo'],
    ['http://feeds.example.com:22/', 'outbound-port'],
    ['http://127.0.0.1:6379/', 'outbound-port'],
    ['https://feeds.example.com:65535/', 'outbound-port'],
  ])('is refused with its own reason: %j', async (url, code) => {
    expect(await outbound.checkAddress(url)).toMatchObject({ code });
  });

  it.each([
    'https://feeds.example.com/a.ics?s=1',
    'http://feeds.example.com:8443/',
    'https://FEEDS.example.com./a.ics',
    'https://münchen.example/a.ics',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'http://172.32.0.1/',
    'http://100.128.0.1/',
  ])('is accepted when it leads out: %j', async (url) => {
    expect(await outbound.checkAddress(url)).toBeNull();
  });

  it.each([
    ['http://127.0.0.1:4300/feeds/a.ics', null],
    ['http://0x7f.1:4300/feeds/a.ics', null],
    ['http://[::1]:4301/', null],
    ['http://feeds.test.:4302/', null],
    ['http://inside.test/', null],
    ['https://inside.test:8443/', null],
    ['http://127.0.0.1:4301/', 'outbound-port'],
    ['http://127.0.0.1/', 'outbound-private-address'],
    ['http://inside.test:4300/', 'outbound-port'],
  ])('may be private only exactly as the allow-list says: %j', async (url, code) => {
    const found = await outbound.checkAddress(url);
    expect(found?.code ?? null).toBe(code);
  });

  it('is refused when even one of the addresses of its name is private', async () => {
    const mixed = createOutbound({ allow: [], resolve: async () => [...PUBLIC, '10.0.0.1'] });
    expect(await mixed.checkAddress('https://feeds.example.com/')).toMatchObject({
      code: 'outbound-private-address',
    });
  });

  it.each([['::ffff:127.0.0.1'], ['64:ff9b::7f00:1'], ['fe80::1%eth0'], ['2130706433'], ['']])(
    'is refused when its name resolves to %j',
    async (answer) => {
      const odd = createOutbound({ allow: [], resolve: async () => [answer] });
      expect(await odd.checkAddress('https://feeds.example.com/')).toMatchObject({
        code: 'outbound-private-address',
      });
    },
  );

  it('is told apart from a name that does not exist', async () => {
    const none = createOutbound({ allow: [], resolve: async () => [] });
    expect(await none.checkAddress('https://feeds.example.com/')).toMatchObject({
      code: 'outbound-name',
    });
  });

  it('is never repeated in what the person is told', async () => {
    const problem = await outbound.checkAddress('https://feeds.example.com:22/a.ics?s=hunter2');
    expect(JSON.stringify(problem)).not.toMatch(/hunter2|feeds\.example/);
    expect(problem?.reason).toMatch(/port/);
  });
});

describe('the allow-list', () => {
  it.each(['http://127.0.0.1:4300', 'a b', 'host:port', 'host:1/x', '', 'me@host'])(
    'refuses a wrong entry by name: %j',
    (entry) => {
      expect(() => createOutbound({ allow: [entry] })).toThrow(JSON.stringify(entry));
    },
  );
});
