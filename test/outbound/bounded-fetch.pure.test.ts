import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { createGoogleProvider } from '../../src/channels/google/provider.ts';
import { createMicrosoftProvider } from '../../src/channels/microsoft/provider.ts';
import { boundedFetch } from '../../src/outbound/bounded-fetch.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});
async function serve(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('what fits is handed on as it came, and an answer without a body has none', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/none') response.writeHead(204).end();
    else response.writeHead(429, { 'retry-after': '7' }).end('{"a":1}');
  });
  const answer = await boundedFetch(fetch, 100)(url);
  expect(answer.status).toBe(429);
  expect(answer.headers.get('retry-after')).toBe('7');
  expect(await answer.json()).toEqual({ a: 1 });
  expect(await (await boundedFetch(fetch, 100)(`${url}/none`)).text()).toBe('');
});

test('an answer without an end is left at the limit, compressed or not', async () => {
  let sent = 0;
  const url = await serve((request, response) => {
    if (request.url === '/bomb') {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(Buffer.alloc(5_000_000)));
      return;
    }
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
    };
    response.on('drain', more);
    more();
  });
  for (const path of ['/', '/bomb'])
    await expect(boundedFetch(fetch, 1_000_000)(url + path)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'outbound-too-large',
    });
  expect(sent).toBeLessThan(50_000_000);
});

describe('a channel whose host answers without an end', () => {
  const access = { kind: 'bearer', accessToken: 't' } as const;
  const endless: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(1_048_576))) continue;
    };
    response.on('drain', more);
    more();
  };

  test.each([
    ['microsoft', createMicrosoftProvider],
    ['google', createGoogleProvider],
  ] as const)('%s: is given up by size, and says so', async (_, create) => {
    const apiUrl = await serve(endless);
    const urls = { apiUrl, authUrl: apiUrl, tokenUrl: apiUrl };
    const provider = create({ ...urls, clientId: 'c', clientSecret: 's' });
    const refused = { kind: 'invalid', code: 'outbound-too-large' };
    await expect(provider.listCalendars({ access })).rejects.toMatchObject(refused);
    const spend = { refreshToken: 'r', nowAt: 0 };
    await expect(provider.refresh(spend)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
