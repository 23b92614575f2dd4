import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';

export interface ServerBounds {
  connections: number;
  /** For the head of a request, and for all of it. */
  headMs?: number;
  requestMs?: number;
  /** With nothing moving either way; longer than the longest `Prefer: wait` and its answer. */
  silentMs?: number;
}

const HEAD_MS = 10_000;
const REQUEST_MS = 20_000;
const SILENT_MS = 90_000;
/** Load balancers keep idle connections for 60 s, and who closes first must not be we. */
const KEEP_ALIVE_MS = 65_000;
/** How often the times above are looked at; Node's own 30 s would make them thirty longer. */
const CHECK_MS = 1_000;
const HEAD_BYTES = 16 * 1024;
/** A connection that brings very many is no front end's; it may open another. */
const REQUESTS_PER_CONNECTION = 100_000;

/**
 * A server that slow or silent clients cannot fill: whoever does not finish asking in time is answered
 * 408 and cut off, whoever does not take his answer is cut off, and beyond `connections` further ones
 * are closed before they cost anything.
 */
export function boundedServer(listener: RequestListener, bounds: ServerBounds): Server {
  const { connections, headMs = HEAD_MS, requestMs = REQUEST_MS, silentMs = SILENT_MS } = bounds;
  const server = createServer(
    {
      headersTimeout: headMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, headMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEAD_BYTES,
    },
    listener,
  );
  server.maxConnections = connections;
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  server.setTimeout(silentMs);
  return server;
}
