import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import type { Hint, InboundRequest, Received } from '../../src/channels/channel-provider.ts';
import { hourOn } from './bench.ts';
import type { Bench } from './bench.ts';

export function watchLaws(bench: () => Bench): void {
  receiveLaws(bench);

  test('a change in a watched calendar is notified with our id and secret', async () => {
    const at = await bench().newCalendar();
    const { provider } = bench();
    await using inbox = await openInbox((request) => provider.receive(request));
    const watchId = `watch-${crypto.randomUUID()}`;
    const secret = `secret-${crypto.randomUUID()}`;
    const input = { ...at, watchId, secret, address: inbox.address, ttlMs: 3_600_000 };
    const watch = await provider.watch(input);
    expect(watch.watchId).toBe(watchId);
    expect(Date.parse(watch.expiresAt)).toBeGreaterThan(Date.now());
    expect(Date.parse(watch.expiresAt)).toBeLessThanOrEqual(Date.now() + 3_601_000);
    await bench().seedEvents(at, [hourOn(1)]);
    await vi.waitFor(() =>
      expect(inbox.hints).toContainEqual(
        expect.objectContaining({ watchId, secret, kind: 'changed' }),
      ),
    );
    await provider.unwatch({ ...at, watch });
    await provider.unwatch({ ...at, watch });
    const heard = inbox.hints.length;
    await bench().seedEvents(at, [hourOn(2)]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(inbox.hints.length).toBe(heard);
  });

  test('a watch that only begins gives no hint of a change', async () => {
    const at = await bench().newCalendar();
    const { provider } = bench();
    await using inbox = await openInbox((request) => provider.receive(request));
    const input = { ...at, secret: 'secret', address: inbox.address, ttlMs: 3_600_000 };
    const watch = await provider.watch({ ...input, watchId: crypto.randomUUID() });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(inbox.hints).toEqual([]);
    await provider.unwatch({ ...at, watch });
  });
}

export function noWatchLaws(bench: () => Bench): void {
  receiveLaws(bench);

  test('watching is not offered by this channel: watch and unwatch refuse', async () => {
    const at = await bench().newCalendar();
    const refusal = { name: 'Failure', kind: 'invalid', code: 'unsupported' };
    const input = { watchId: 'w', secret: 's', address: 'https://example.com', ttlMs: 60_000 };
    const watch = { watchId: 'w', nativeId: 'n', expiresAt: '2027-01-01T00:00:00Z' };
    const { provider } = bench();
    const asked = async (act: () => Promise<unknown>) => act();
    await expect(asked(() => provider.watch({ ...at, ...input }))).rejects.toMatchObject(refusal);
    await expect(asked(() => provider.unwatch({ ...at, watch }))).rejects.toMatchObject(refusal);
  });
}

function receiveLaws(bench: () => Bench): void {
  test('what is no notification is refused and gives no hint', () => {
    const { reply, hints } = bench().provider.receive({
      headers: { 'content-type': 'text/plain' },
      query: {},
      rawBody: Buffer.from('hello'),
    });
    expect(hints).toEqual([]);
    expect(reply.status).toBeGreaterThanOrEqual(400);
  });
}

async function openInbox(read: (request: InboundRequest) => Received) {
  const hints: Hint[] = [];
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const headers = req.headers as Record<string, string | undefined>;
      const url = new URL(req.url ?? '', 'http://inbox');
      const query = Object.fromEntries(url.searchParams);
      const { reply, hints: told } = read({ headers, query, rawBody: Buffer.concat(chunks) });
      hints.push(...told);
      res.writeHead(reply.status, reply.headers).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    hints,
    address: `http://127.0.0.1:${port}/in`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
