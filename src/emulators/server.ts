import http from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createCaldav } from './caldav/caldav.ts';
import { createControl } from './control.ts';
import { createFeeds } from './feeds.ts';
import { createGoogle } from './google/google.ts';
import { createHost } from './host.ts';
import type { Host } from './host.ts';
import { createMicrosoft } from './microsoft/microsoft.ts';
import { createStripe } from './stripe/stripe.ts';

interface EmulatorsOptions {
  /** 0 takes a free port. */
  port?: number;
  /** Second port, for the host that a CalDAV account's calendars live on; 0 takes a free port. */
  partitionPort?: number;
  host?: string;
  /** Where state is kept between runs; without it nothing is kept. */
  stateDir?: string | undefined;
}

/** All emulated hosts in one HTTP server, told apart by path. `close` ends open connections. */
export async function startEmulators(
  options: EmulatorsOptions = {},
): Promise<{ url: string; partitionUrl: string; close(): Promise<void> }> {
  const host = createHost({ stateDir: options.stateDir });
  const app = express().disable('x-powered-by').set('etag', false);
  app.use('/control', createControl(host));
  const google = createGoogle(host);
  app.use('/control/google', google.control);
  app.use(google.router);
  const microsoft = createMicrosoft(host);
  app.use('/control/microsoft', microsoft.control);
  app.use(microsoft.router);
  const stripe = createStripe(host);
  app.use('/control/stripe', stripe.control);
  app.use(stripe.router);
  const feeds = createFeeds(host);
  app.use('/control/feeds', feeds.control);
  app.use(feeds.router);
  let partitionUrl = '';
  const caldav = createCaldav(host, () => partitionUrl);
  app.use('/control/caldav', caldav.control);
  app.use(caldav.router);
  app.use((req, res) => {
    res.status(404).json({ error: `No emulated host answers at ${req.path}.` });
  });
  app.use(answerDefect);

  // Requests are held and delayed on purpose here, so the server itself sets no time limits.
  const server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, app);
  const partition = http.createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, app);
  const address = options.host ?? '127.0.0.1';
  const url = await listen(server, options.port ?? 0, address);
  partitionUrl = await listen(partition, options.partitionPort ?? 0, address);
  let closing: Promise<void> | undefined;
  return {
    url,
    partitionUrl,
    close: () => (closing ??= closeAll([server, partition], host)),
  };
}

async function listen(server: http.Server, wantedPort: number, address: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(wantedPort, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Connections end first: what a call still does after that, nobody has been told of. */
async function closeAll(servers: readonly http.Server[], host: Host): Promise<void> {
  const closed = servers.map(
    (server) => new Promise<void>((resolve) => server.close(() => resolve())),
  );
  for (const server of servers) server.closeAllConnections();
  host.close();
  await Promise.all(closed);
}

/** A control body that is not JSON, or a defect of the emulators themselves. */
// oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
const answerDefect: express.ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) return next(error);
  const { status = 500, message } = error as { status?: number; message?: string };
  return void res.status(status).json({ error: message ?? 'Unknown defect of the emulators.' });
};

if (import.meta.main) {
  const { EMULATORS_PORT, EMULATORS_PARTITION_PORT, EMULATORS_HOST, EMULATORS_STATE_DIR } =
    process.env;
  const emulators = await startEmulators({
    port: Number(EMULATORS_PORT ?? 0),
    partitionPort: Number(EMULATORS_PARTITION_PORT ?? 0),
    ...(EMULATORS_HOST === undefined ? {} : { host: EMULATORS_HOST }),
    stateDir: EMULATORS_STATE_DIR,
  });
  console.log(JSON.stringify({ listening: emulators.url, partition: emulators.partitionUrl }));
  const stop = () => void emulators.close().then(() => process.exit(0));
  process.once('SIGTERM', stop).once('SIGINT', stop);
}
