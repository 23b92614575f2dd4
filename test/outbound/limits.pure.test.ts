import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ask, startHost } from './host.ts';

const text = 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n';
const bombBytes = Buffer.alloc(20_000_000);

const CODINGS = [
  ['gzip', zlib.gzipSync],
  ['x-gzip', zlib.gzipSync],
  ['br', zlib.brotliCompressSync],
  ['deflate', zlib.deflateSync],
  ['deflate', zlib.deflateRawSync],
] as const;

describe('a body', () => {
  it.each(CODINGS)('in %s is read', async (encoding, compress) => {
    const { port } = await startHost((_, response) => {
      response.setHeader('content-encoding', encoding);
      response.end(compress(Buffer.from(text)));
    });
    const answer = await ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] });
    expect(Buffer.from(answer.body).toString()).toBe(text);
  });

  it.each(CODINGS)('in %s that unfolds beyond the limit is refused', async (encoding, compress) => {
    const bomb = compress(bombBytes);
    expect(bomb.length).toBeLessThan(50_000);
    const { port } = await startHost((_, response) => {
      response.setHeader('content-encoding', encoding);
      response.end(bomb);
    });
    await expect(
      ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] }),
    ).rejects.toMatchObject({ kind: 'invalid', code: 'outbound-too-large' });
  });

  it('of empty compressed members without end is counted on the wire', async () => {
    const members = Buffer.concat(Array.from({ length: 1_000 }, () => zlib.gzipSync('')));
    const { port } = await startHost((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      const pump = setInterval(() => response.write(members), 1);
      response.on('close', () => clearInterval(pump));
    });
    await expect(
      ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] }),
    ).rejects.toMatchObject({ code: 'outbound-too-large' });
  });

  it.each(['gzip, gzip', 'compress', 'zstd'])('in %s is refused', async (encoding) => {
    const { port } = await startHost((_, response) => {
      response.setHeader('content-encoding', encoding);
      response.end('x');
    });
    await expect(
      ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] }),
    ).rejects.toMatchObject({ code: 'outbound-encoding' });
  });

  it('is taken at the limit and refused one byte later, declared or not', async () => {
    const { port } = await startHost((request, response) => {
      const size = request.url?.startsWith('/over') ? 1_001 : 1_000;
      if (request.url?.endsWith('declared')) response.setHeader('content-length', size);
      response.write(Buffer.alloc(10));
      response.end(Buffer.alloc(size - 10));
    });
    const allow = [`a.test:${port}`];
    const get = (path: string): Promise<{ body: Uint8Array }> =>
      ask({ url: `http://a.test:${port}${path}`, maxBytes: 1_000 }, { allow });
    expect((await get('/fits')).body).toHaveLength(1_000);
    expect((await get('/fits-declared')).body).toHaveLength(1_000);
    await expect(get('/over')).rejects.toMatchObject({ code: 'outbound-too-large' });
    await expect(get('/over-declared')).rejects.toMatchObject({ code: 'outbound-too-large' });
  });

  it('cut off before its declared length is unavailable, never a shorter body', async () => {
    const { port } = await startHost((_, response) => {
      response.setHeader('content-length', 1_000);
      response.write(Buffer.alloc(500), () => response.destroy());
    });
    await expect(
      ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] }),
    ).rejects.toMatchObject({ kind: 'unavailable', code: 'outbound-network' });
  });

  it('cut off inside its compression is refused, never a shorter body', async () => {
    const { port } = await startHost((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(zlib.gzipSync(text).subarray(0, 30));
    });
    await expect(
      ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] }),
    ).rejects.toMatchObject({ code: 'outbound-encoding' });
  });

  it('of an answer without one is empty', async () => {
    const { port } = await startHost((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.writeHead(304).end();
    });
    const answer = await ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] });
    expect([answer.status, answer.body.length]).toEqual([304, 0]);
  });
});

it('headers beyond 32 KiB are refused', async () => {
  const { port } = await startHost((_, response) => {
    response.setHeader('x-large', 'a'.repeat(40_000));
    response.end();
  });
  await expect(
    ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] }),
  ).rejects.toMatchObject({ kind: 'invalid', code: 'outbound-too-large' });
});

describe('the total time', () => {
  it('ends a body that trickles in, however lively', async () => {
    const { port } = await startHost((_, response) => {
      const drip = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(drip));
    });
    const request = { url: `http://a.test:${port}/`, totalTimeoutMs: 150 };
    await expect(ask(request, { allow: [`a.test:${port}`] })).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'outbound-timeout',
    });
  });

  it('ends headers that never come, and counts redirects together', async () => {
    const { port } = await startHost((request, response) => {
      if (request.url === '/silent') return;
      setTimeout(() => response.writeHead(302, { location: '/again' }).end(), 60);
    });
    const allow = [`a.test:${port}`];
    const within = { totalTimeoutMs: 150, maxRedirects: 100 };
    for (const path of ['/silent', '/again'])
      await expect(
        ask({ url: `http://a.test:${port}${path}`, ...within }, { allow }),
      ).rejects.toMatchObject({ code: 'outbound-timeout' });
  });

  it('is ours to cut short', async () => {
    const { port } = await startHost(() => undefined);
    const giveUp = new AbortController();
    const request = { url: `http://a.test:${port}/`, signal: giveUp.signal };
    const asked = ask(request, { allow: [`a.test:${port}`] });
    setTimeout(() => giveUp.abort(), 30);
    await expect(asked).rejects.toMatchObject({ code: 'outbound-aborted' });
  });
});
