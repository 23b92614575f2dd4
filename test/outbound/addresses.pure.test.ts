import { describe, expect, it } from 'vitest';
import { createOutbound } from '../../src/outbound/outbound.ts';

const PUBLIC = ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'];
const outbound = createOutbound({
  allow: ['127.0.0.1:4300', '[::1]:4301', 'Feeds.Test:4302', 'inside.test'],
  resolve: async () => PUBLIC,
});

const PRIVATE_SPELLINGS = [
  // Loopback and "this network", as people and attackers write them.
  'http://127.0.0.1/',
  'http://127.1/',
  'http://127.0.1/',
  'http://127.255.255.254/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.0.0.1/',
  'http://0x7f.1/',
  'http://017700000001/',
  'http://0177.0.0.1/',
  'http://0177.0x0.0.01/',
  'http://00000177.0.0.1/',
  'http://127.0.0.1./',
  'http://127%2e0%2e0%2e1/',
  'http://%31%32%37.0.0.1/',
  'http://１２７.０.０.１/',
  'http://①②⑦.⓪.⓪.①/',
  'http://127。0。0。1/',
  'http://0/',
  'http://0.0.0.0/',
  'http://0.1.2.3/',
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[0000:0000::0001]/',
  'http:127.0.0.1/',
  'http:\\\\127.0.0.1\\',
  ' http://127.0.0.1/\n',
  'http://12\t7.0.0.1/',
  // Private networks (RFC 1918), CGNAT (RFC 6598), link-local and metadata.
  'http://10.0.0.1/',
  'http://167772161/',
  'http://10.1/',
  'http://0xa.0x0.0x0.0x1/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.0.1/',
  'http://0xC0A80001/',
  'http://3232235521/',
  'http://100.64.0.1/',
  'http://100.127.255.254/',
  'http://100.100.100.200/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://0xA9FEA9FE/',
  'http://0251.0376.0251.0376/',
  'http://169.254.43518/',
  'http://168.63.129.16/',
  // Reserved, documentation, benchmarking, multicast, broadcast.
  'http://192.0.0.192/',
  'http://192.0.2.1/',
  'http://198.51.100.7/',
  'http://203.0.113.9/',
  'http://198.18.0.1/',
  'http://198.19.255.255/',
  'http://192.88.99.1/',
  'http://224.0.0.1/',
  'http://239.255.255.250/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  // IPv6: unique-local, link-local, site-local, multicast, documentation, benchmarking.
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[fe80::1]/',
  'http://[febf::1]/',
  'http://[fec0::1]/',
  'http://[ff02::1]/',
  'http://[2001:db8::1]/',
  'http://[3fff::1]/',
  'http://[2001:2::1]/',
  'http://[2001:10::1]/',
  'http://[100::1]/',
  'http://[5f00::1]/',
  'http://[4000::1]/',
  // IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo.
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::FFFF:10.0.0.1]/',
  'http://[::ffff:93.184.215.14]/',
  'http://[::127.0.0.1]/',
  'http://[::ffff:0:127.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[64:ff9b:1::1]/',
  'http://[2002:7f00:1::]/',
  'http://[2002:a9fe:a9fe::1]/',
  'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/',
  // Names that never lead out.
  'http://localhost/',
  'http://LOCALHOST./',
  'http://localhost../',
  'http://ｌｏｃａｌｈｏｓｔ/',
  'http://a.localhost/',
  'http://printer.local/',
  'http://metadata.google.internal/',
  'http://metadata/',
  'http://router.home.arpa/',
];

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
