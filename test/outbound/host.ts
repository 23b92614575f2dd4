import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createOutbound } from '../../src/outbound/outbound.ts';
import type { OutboundRequest, OutboundResponse } from '../../src/outbound/outbound.ts';
import type { Resolve } from '../../src/outbound/connect.ts';

/** A host on loopback that lives as long as the test; `asked` lists the requests it saw. */
export async function startHost(answer: RequestListener): Promise<{
  port: number;
  asked: IncomingMessage[];
}> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

/** Asks with roomy limits, as a service that may reach `allow`. */
export async function ask(
  request: Partial<OutboundRequest> & { url: string },
  options: { allow?: string[]; ports?: number[]; resolve?: Resolve; userinfo?: boolean },
): Promise<OutboundResponse> {
  const outbound = createOutbound({
    resolve: async () => ['127.0.0.1'],
    ...options,
    allow: options.allow ?? [],
  });
  onTestFinished(() => outbound.close());
  return outbound.fetchOutside({
    maxBytes: 100_000,
    connectTimeoutMs: 2_000,
    totalTimeoutMs: 5_000,
    maxRedirects: 5,
    signal: new AbortController().signal,
    ...request,
  });
}
