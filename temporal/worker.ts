import { createServer, type Server } from 'node:http';
import { Client } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { accessOpener } from '../src/access.ts';
import { CHANNELS } from '../src/channels/channel-provider.ts';
import { createRegistry, limitsOf, queueRatesOf, settingsOf } from '../src/channels/registry.ts';
import { loadConfig, type Config } from '../src/config.ts';
import { log } from '../src/log.ts';
import { createOutbound } from '../src/outbound/outbound.ts';
import { tallied } from '../src/outbound/requests.ts';
import { createStripeProvider } from '../src/payments/stripe.ts';
import { openDatabase } from '../src/store/database.ts';
import { commandLookups } from '../src/store/lookups.ts';
import { tellAll } from '../src/tell-all.ts';
import { createVault } from '../src/vault.ts';
import type { ActivityDependencies } from './activities/dependencies.ts';
import { rollEdge } from './activities/connection-page.ts';
import { channelActivities, mainActivities } from './activities/index.ts';
import { createCommands } from './client.ts';
import { channelQueue } from './contracts/names.ts';
import { startSweeper } from './sweeper.ts';
import { workflowBundle } from './bundle.ts';

/** The worker process: workflows and the ledger on the main queue, each channel on its own. */
const SHUTDOWN_GRACE = '10 seconds';
/** A step that is retried for ever must not keep the process; whoever runs next goes on with it. */
const SHUTDOWN_FORCE = '15 seconds';
const DAY_MS = 86_400_000;
/** A change need not be seen by both of a channel's answers at once. */
const SECOND_LOOK_MS = 10_000;
const PAYMENT_TIMEOUT_MS = 20_000;

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message }) =>
      log(level === 'WARN' ? 'warn' : 'error', message),
    ),
  });
  const temporal = loadClientConnectConfig();
  const connection = await NativeConnection.connect({
    ...temporal.connectionOptions,
    // Tasks are small and the server is near: packing them costs both more than it spares.
    grpcCompression: { codec: 'none' },
  });
  const namespace = temporal.namespace ?? 'default';
  const client = new Client({ connection, namespace });
  const database = openDatabase({ url: config.databaseUrl, poolSize: config.databasePoolSize });
  const outbound = createOutbound({ allow: config.outboundAllow, ports: config.outboundPorts });
  const commands = createCommands({
    client,
    taskQueue: config.taskQueue,
    lookups: commandLookups(database.pool),
  });
  const vault = createVault(config.keyring);
  const channels = createRegistry(settingsOf(config, outbound.fetchOutside));
  const deps: ActivityDependencies = {
    database,
    vault,
    channels,
    openAccess: accessOpener({
      database,
      vault,
      channels,
      now: Date.now,
      onRefused: (connections) => tellAll(connections, { tell: commands.requestSync, log }),
    }),
    limits: limitsOf(config),
    tallied,
    payments: createStripeProvider({ apiUrl: config.stripeApiUrl, timeoutMs: PAYMENT_TIMEOUT_MS }),
    commands,
    settings: {
      horizonMs: config.horizonDays * DAY_MS,
      publicUrl: config.publicUrl ?? null,
      pollsPerHour: config.pollsPerHour,
      repair: {
        nightly: config.nightlyListing,
        compareEveryMs: config.freeBusyMinutes === 0 ? null : config.freeBusyMinutes * 60_000,
        compareAheadMs: config.freeBusyDays * DAY_MS,
        secondLookMs: SECOND_LOOK_MS,
      },
    },
    now: Date.now,
    log,
  };

  const workers = await createWorkers({ config, connection, namespace, deps });
  const sweeper = startSweeper({
    pool: database.pool,
    commands,
    intervalMs: config.sweepIntervalMs,
    horizonMs: deps.settings.horizonMs,
    rollEdge: (edge) => rollEdge(deps, edge),
    log,
  });
  const health = await serveHealth(config.workerHealthPort, workers);
  process.stdout.write(`${JSON.stringify({ ready: true, health: addressOf(health) })}\n`);

  // The SDK stops each worker on SIGTERM and SIGINT; `run` resolves when its last task is done.
  await Promise.all(workers.map((worker) => worker.run()));
  health.close();
  await sweeper.stop();
  await outbound.close();
  await database.close();
  await connection.close();
}

async function createWorkers(options: {
  config: Config;
  connection: NativeConnection;
  namespace: string;
  deps: ActivityDependencies;
}): Promise<Worker[]> {
  const { config, connection, namespace, deps } = options;
  const shared: Pick<
    WorkerOptions,
    | 'connection'
    | 'namespace'
    | 'shutdownGraceTime'
    | 'stickyQueueScheduleToStartTimeout'
    | 'shutdownForceTime'
    | 'workerDeploymentOptions'
  > = {
    connection,
    namespace,
    shutdownGraceTime: SHUTDOWN_GRACE,
    // A worker that was killed keeps its workflows waiting for no longer than this.
    stickyQueueScheduleToStartTimeout: '3 seconds',
    shutdownForceTime: SHUTDOWN_FORCE,
    ...(config.buildId && {
      workerDeploymentOptions: {
        useWorkerVersioning: true,
        version: { deploymentName: 'holdfast', buildId: config.buildId },
        defaultVersioningBehavior: 'PINNED',
      },
    }),
  };
  const main = Worker.create({
    ...shared,
    taskQueue: config.taskQueue,
    workflowBundle: await workflowBundle(),
    activities: mainActivities(deps),
    // An act on the ledger that is tried again keeps its task: forty of them would keep everybody.
    maxConcurrentWorkflowTaskExecutions: 200,
    maxConcurrentLocalActivityExecutions: 200,
  });
  const channels = CHANNELS.filter((channel) => deps.channels.has(channel)).map((channel) =>
    Worker.create({
      ...shared,
      taskQueue: channelQueue(config.taskQueue, channel),
      activities: channelActivities(deps),
      // The server keeps to it over all workers; each of them has to say it.
      maxTaskQueueActivitiesPerSecond: queueRatesOf(config)[channel],
    }),
  );
  return Promise.all([main, ...channels]);
}

/** `/healthz`: 200 while every worker polls. */
async function serveHealth(port: number, workers: readonly Worker[]): Promise<Server> {
  const server = createServer((_request, response) => {
    const running = workers.every((worker) => worker.getState() === 'RUNNING');
    response.writeHead(running ? 200 : 503, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ running, states: workers.map((worker) => worker.getState()) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return server;
}

function addressOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address ? `http://127.0.0.1:${address.port}/healthz` : '';
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    log('error', 'the worker stops', {
      reason: error instanceof Error ? error.message : 'unknown',
    });
    process.exit(1);
  },
);
