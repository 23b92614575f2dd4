import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { createCommands } from '../temporal/client.ts';
import { accessOpener } from './access.ts';
import { createApp } from './api/app.ts';
import { boundedServer } from './api/bounded-server.ts';
import type { ApiConfig } from './api/dependencies.ts';
import { channelCalls } from './call-channel.ts';
import { createRegistry, limitsOf, settingsOf } from './channels/registry.ts';
import { busySpans } from './calendar/busy.ts';
import { composeFeed } from './calendar/publish.ts';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from './calendar/zones.ts';
import type { Config } from './config.ts';
import { loadConfig } from './config.ts';
import { log } from './log.ts';
import { createOutbound } from './outbound/outbound.ts';
import { tallied } from './outbound/requests.ts';
import { createStripeProvider } from './payments/stripe.ts';
import { openDatabase } from './store/database.ts';
import { commandLookups } from './store/lookups.ts';
import { tellAll } from './tell-all.ts';
import { createVault } from './vault.ts';

/** The HTTP process. Everything it uses is made here, by hand, and closed in reverse. */
const PAYMENT_TIMEOUT_MS = 20_000;
const DRAIN_MS = 10_000;
/** A crowd that opens connections while we are busy is let in later; Node's 511 would cut it off. */
const BACKLOG = 4_096;

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const temporal = loadClientConnectConfig();
  const connection = await Connection.connect(temporal.connectionOptions);
  const client = new Client({ connection, namespace: temporal.namespace ?? 'default' });
  const database = openDatabase({ url: config.databaseUrl, poolSize: config.databasePoolSize });
  const vault = createVault(config.keyring);
  const outbound = createOutbound({ allow: config.outboundAllow, ports: config.outboundPorts });
  const providers = createRegistry(settingsOf(config, outbound.fetchOutside));
  const commands = createCommands({
    client,
    taskQueue: config.taskQueue,
    lookups: commandLookups(database.pool),
  });
  const calls = channelCalls({
    database,
    channels: providers,
    openAccess: accessOpener({
      database,
      vault,
      channels: providers,
      now: Date.now,
      onRefused: (connections) => tellAll(connections, { tell: commands.requestSync, log }),
    }),
    limits: limitsOf(config),
    tallied,
    log,
  });
  const app = createApp({
    database,
    vault,
    providers,
    commands,
    payments: createStripeProvider({ apiUrl: config.stripeApiUrl, timeoutMs: PAYMENT_TIMEOUT_MS }),
    ...calls,
    checkAddress: outbound.checkAddress,
    zones: {
      instantOf,
      isKnown: zoneIsKnown,
      toInstant: wallToInstant,
      toWall: instantToWall,
    },
    busySpans,
    composeFeed,
    config: apiConfig(config),
    now: Date.now,
    log,
  });

  const server = boundedServer(app, { connections: config.apiConnections });
  await new Promise<void>((resolve, reject) => {
    const place = { port: config.apiPort, host: config.apiHost, backlog: BACKLOG };
    server.once('error', reject).listen(place, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.apiPort;
  process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);

  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
  });
  // Answers under way are given; idle connections and stragglers are cut.
  server.close();
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
  await new Promise<void>((resolve) => void server.once('close', () => resolve()));
  await outbound.close();
  await connection.close();
  await database.close();
}

const apiConfig = (config: Config): ApiConfig => ({
  publicUrl: config.publicUrl ?? `http://${config.apiHost}:${config.apiPort}`,
  stripeJsUrl: config.stripeJsUrl,
  requestFigures: config.requestFigures,
  loadBounds: config.loadBounds,
  proxies: config.proxies,
});

main().then(
  () => process.exit(0),
  (error: unknown) => {
    log('error', 'the API stops', { reason: error instanceof Error ? error.message : 'unknown' });
    process.exit(1);
  },
);
