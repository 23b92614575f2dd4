import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { ask, startHost } from './host.ts';

it('a connection goes to the address that was resolved, under the name that was given', async () => {
  const { port, asked } = await startHost((_, response) => response.end('hello'));
  const url = `http://feeds.test:${port}/a.ics?s=1`;
  const answer = await ask({ url }, { allow: [`feeds.test:${port}`] });
  expect(Buffer.from(answer.body).toString()).toBe('hello');
  expect(answer.url).toBe(url);
  expect(asked[0]?.headers.host).toBe(`feeds.test:${port}`);
});

it('a name is resolved once per connection, so that no second answer can differ', async () => {
  const { port } = await startHost((_, response) => response.end());
  const answers = ['127.0.0.1', '192.0.2.1'];
  let asked = 0;
  const resolve = async (): Promise<string[]> => [answers[asked++] ?? '192.0.2.1'];
  const url = `http://feeds.test:${port}/`;
  expect((await ask({ url }, { allow: [`feeds.test:${port}`], resolve })).status).toBe(200);
  expect(asked).toBe(1);
});

it('a name that was public when it was checked and is private when it is used is refused', async () => {
  const { port, asked } = await startHost((_, response) => response.end());
  const answers = [['93.184.215.14'], ['127.0.0.1']];
  const resolve = async (): Promise<string[]> => answers.shift() ?? [];
  const outbound = createOutbound({ allow: [], ports: [port], resolve });
  onTestFinished(() => outbound.close());
  const url = `http://rebind.example.com:${port}/`;
  expect(await outbound.checkAddress(url)).toBeNull();
  const used = outbound.fetchOutside({
    url,
    maxBytes: 1,
    connectTimeoutMs: 1_000,
    totalTimeoutMs: 1_000,
    maxRedirects: 0,
    signal: new AbortController().signal,
  });
  await expect(used).rejects.toMatchObject({ kind: 'invalid', code: 'outbound-private-address' });
  expect(asked).toEqual([]);
});

it.each(['http://127.0.0.1', 'http://[::ffff:7f00:1]', 'http://0x7f.1', 'http://localhost'])(
  'a private address is not connected to: %s',
  async (origin) => {
    const { port, asked } = await startHost((_, response) => response.end());
    await expect(ask({ url: `${origin}:${port}/` }, { ports: [port] })).rejects.toMatchObject({
      code: 'outbound-private-address',
    });
    expect(asked).toEqual([]);
  },
);

it('TLS asks for the name while the socket goes to the checked address', async () => {
  let hello: Uint8Array = new Uint8Array();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes: Buffer) => {
      hello = bytes;
      socket.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const failed = ask({ url: `https://feeds.test:${port}/` }, { allow: [`feeds.test:${port}`] });
  await expect(failed).rejects.toMatchObject({ kind: 'unavailable' });
  expect(Buffer.from(hello).includes('feeds.test')).toBe(true);
});

it('a host that is not there, a name that is not there and a closed connection are unavailable', async () => {
  const { port } = await startHost((request) => request.socket.destroy());
  const allow = [`feeds.test:${port}`, 'feeds.test:1'];
  await expect(ask({ url: `http://feeds.test:${port}/` }, { allow })).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'outbound-network',
  });
  await expect(ask({ url: 'http://feeds.test:1/' }, { allow })).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'outbound-network',
  });
  const resolve = async (): Promise<string[]> => {
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  };
  await expect(ask({ url: 'https://gone.example/' }, { resolve })).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'outbound-name',
  });
});

it('a name that never resolves ends at the connect timeout', async () => {
  const resolve = (): Promise<string[]> => new Promise(() => undefined);
  const request = { url: 'https://slow.example/', connectTimeoutMs: 50 };
  await expect(ask(request, { resolve })).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'outbound-timeout',
  });
});

it('user name and password of an address are basic authentication where they are taken at all', async () => {
  const { port, asked } = await startHost((_, response) => response.end());
  const url = `http://me:p%40ss%zz@feeds.test:${port}/`;
  const allow = [`feeds.test:${port}`];
  await expect(ask({ url }, { allow })).rejects.toMatchObject({ code: 'outbound-userinfo' });
  await ask({ url }, { allow, userinfo: true });
  const sent = asked[0]?.headers.authorization?.replace('Basic ', '') ?? '';
  expect(Buffer.from(sent, 'base64').toString()).toBe('me:p@ss%zz');
});

it('no error repeats the address or its secrets', async () => {
  const { port } = await startHost((request) => request.socket.destroy());
  const url = `http://feeds.test:${port}/a.ics?s=hunter2`;
  const error: unknown = await ask({ url }, { allow: [`feeds.test:${port}`] }).catch(
    (thrown: unknown) => thrown,
  );
  const seen = error instanceof Error ? `${error.stack}${JSON.stringify(error)}` : '';
  expect(seen).toMatch(/outbound-network/);
  expect(seen).not.toMatch(/hunter2|feeds\.test/);
  expect((error as Error).cause).toBeUndefined();
});
