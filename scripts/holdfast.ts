/** The story of `npm start`, from an empty folder to the banner and back to nothing running. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ConfigError, loadConfig } from '../src/config.ts';
import { findTemporal } from '../temporal/server/find.ts';
import { DEFAULT_NAMESPACE, setUpTemporal } from '../temporal/server/setup.ts';
import { printBanner } from './banner.ts';
import { DEMO } from './demo-names.ts';
import { seedDemoProcess } from './demo-process.ts';
import { confirmFresh } from './fresh.ts';
import { migrate } from './migrate.ts';
import { isPortFree } from './ports.ts';
import { serviceEnv } from './service-env.ts';
import { nodeService, postgresService, temporalService } from './services.ts';
import { stopOrphans, takeInstanceLock } from './single-instance.ts';
import { keyring, rememberedPorts, removeState, stateFiles } from './state.ts';
import type { RememberedPorts, StateFiles } from './state.ts';
import { createSupervisor } from './supervisor.ts';
import type { Supervisor } from './supervisor.ts';
import { restartOnChange } from './watch.ts';

export interface StartOptions {
  root: string;
  fresh: boolean;
  yes: boolean;
  watch: boolean;
}

interface Run {
  options: StartOptions;
  files: StateFiles;
  supervisor: Supervisor;
  ports: RememberedPorts;
  apiPort: number;
  uiPort: number;
}

const HOST = '127.0.0.1';

export async function startHoldfast(options: StartOptions) {
  const files = stateFiles(options.root);
  const supervisor = createSupervisor(files, say);
  try {
    await startUnder(supervisor, files, options);
  } catch (error) {
    // Whoever asked for the stop also ends the process; what broke off because of it is no news.
    if (supervisor.isStopping()) return;
    console.error(`\n${(error as Error).message}`);
    await supervisor.stopAll();
    process.exit(1);
  }
}

async function startUnder(supervisor: Supervisor, files: StateFiles, options: StartOptions) {
  const startedAt = performance.now();
  if (existsSync(join(options.root, '.env'))) process.loadEnvFile(join(options.root, '.env'));
  const apiPort = portSetting('HOLDFAST_API_PORT', 8400);
  const uiPort = portSetting('HOLDFAST_UI_PORT', 8233);
  const unlock = takeInstanceLock(files, `http://${HOST}:${apiPort}`);
  process.once('exit', unlock);
  stopOnSignal(supervisor);
  await stopOrphans(files, say);
  if (options.fresh && !(await confirmFresh(files.folder, options.yes))) process.exit(0);
  if (options.fresh) await removeState(files);
  const ports = await rememberedPorts(files);
  await bringUp({ options, files, supervisor, ports, apiPort, uiPort }, startedAt);
}

async function bringUp(run: Run, startedAt: number) {
  const { supervisor, files, options } = run;
  const places = await startServers(run);
  const env = serviceEnv(places, process.env);
  const common = { root: options.root, files, env };
  await step('API and worker (usually 5 s; logs in .holdfast/logs)', () =>
    Promise.all([
      supervisor.run(
        nodeService('worker', { ...common, script: 'temporal/worker.ts', readyKey: 'ready' }),
      ),
      supervisor.run(nodeService('api', { ...common, script: 'src/server.ts', readyKey: 'ready' })),
    ]),
  );
  const [demo, shopUrl] = await Promise.all([
    step('Demo tenant and its connections (usually 3 s)', () => seedDemoProcess(options.root, env)),
    startShop(run, env),
  ]);
  if (options.watch) restartOnChange(options.root, supervisor, say);
  const uiUrl = process.env['TEMPORAL_ADDRESS'] ? undefined : `http://${HOST}:${run.uiPort}`;
  printBanner({ ...places, uiUrl, shopUrl, demo, seconds: (performance.now() - startedAt) / 1000 });
}

/** The demo's booking page with its small backend, which alone has the key. */
async function startShop({ supervisor, options, files, ports }: Run, env: NodeJS.ProcessEnv) {
  const shop = {
    API_URL: `http://${HOST}:${env['HOLDFAST_API_PORT']}`,
    API_KEY: DEMO.apiKey,
    STRIPE_JS_URL: env['HOLDFAST_STRIPE_JS_URL'],
    SHOP_RESOURCE: DEMO.cabin.resourceId,
    SHOP_PORT: String(ports.shop),
  };
  const given = { root: options.root, files, env: { ...process.env, ...shop } };
  const script = 'examples/shop/server.ts';
  await step('Booking page (1 s; examples/shop)', () =>
    supervisor.run(nodeService('shop', { ...given, script, readyKey: 'listening' })),
  );
  return `http://${HOST}:${ports.shop}`;
}

/** Everything that the worker and the API talk to; both sides at once, since neither needs the other. */
async function startServers(run: Run) {
  const { supervisor, files, options, ports, apiPort } = run;
  const temporalAddress = process.env['TEMPORAL_ADDRESS'] ?? `${HOST}:${ports.temporal}`;
  const temporalNamespace = process.env['TEMPORAL_NAMESPACE'] ?? DEFAULT_NAMESPACE;
  const places = {
    databaseUrl: process.env['DATABASE_URL'] ?? 'postgresql://not-started-yet',
    temporalAddress,
    temporalNamespace,
    keyring: keyring(files),
    apiPort,
    apiUrl: `http://${HOST}:${apiPort}`,
    workerPort: ports.worker,
    emulatorsUrl: `http://${HOST}:${ports.emulators}`,
  };
  checkSettings(serviceEnv(places, process.env));
  await requireFree(apiPort, 'the API', 'HOLDFAST_API_PORT');
  const [databaseUrl] = await Promise.all([
    startDatabase(run),
    startTemporal(run, temporalNamespace),
    step('Emulators of all channels and Stripe (1 s; state in .holdfast/emulators)', () =>
      supervisor.run(
        nodeService('emulators', {
          root: options.root,
          files,
          script: 'src/emulators/server.ts',
          env: {
            ...process.env,
            EMULATORS_PORT: String(ports.emulators),
            EMULATORS_STATE_DIR: files.emulators,
          },
          readyKey: 'listening',
        }),
      ),
    ),
  ]);
  return { ...places, databaseUrl };
}

async function startDatabase({ supervisor, files, ports }: Run): Promise<string> {
  const given = process.env['DATABASE_URL'];
  let urls = { ownerUrl: process.env['DATABASE_OWNER_URL'] ?? given ?? '', appUrl: given ?? '' };
  if (!given) {
    await step('PostgreSQL 18 (first time 5 s, then 1 s; data in .holdfast/postgres)', () =>
      supervisor.run(postgresService(files, ports, (postgres) => (urls = postgres))),
    );
  }
  const applied = await migrate(urls.ownerUrl);
  if (applied.length > 0) say(`Database migrated: ${applied.join(', ')}`);
  return urls.appUrl;
}

async function startTemporal({ supervisor, files, ports, uiPort }: Run, namespace: string) {
  if (!process.env['TEMPORAL_ADDRESS']) {
    await requireFree(uiPort, 'Temporal UI', 'HOLDFAST_UI_PORT');
    const cliPath = await findTemporal({ say });
    await step('Temporal server with UI (usually 3 s; runs in .holdfast/temporal.db)', () =>
      supervisor.run(temporalService(files, { cliPath, port: ports.temporal, uiPort, namespace })),
    );
  }
  const { connectionOptions } = loadClientConnectConfig();
  const connection = await Connection.connect({
    ...connectionOptions,
    address: process.env['TEMPORAL_ADDRESS'] ?? `${HOST}:${ports.temporal}`,
  });
  await setUpTemporal(connection, namespace);
  await connection.close();
}

/** Told at once, by name, rather than a minute later in the log of a process that will not start. */
function checkSettings(env: NodeJS.ProcessEnv) {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) throw new Error(`A setting is wrong.\n${error.message}`);
    throw error;
  }
}

async function requireFree(port: number, whose: string, setting: string) {
  if (await isPortFree(port)) return;
  throw new Error(
    `Port ${port} of ${whose} is taken by another program. Stop that program, or choose another ` +
      `port: ${setting}=${port + 1} npm start`,
  );
}

function portSetting(name: string, usual: number): number {
  const port = Number(process.env[name] || usual);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`${name} must be a port between 1 and 65535.`);
}

function stopOnSignal(supervisor: Supervisor) {
  let stopping = false;
  const stop = async () => {
    say('Stopping: API, worker, emulators, Temporal, PostgreSQL.');
    await supervisor.stopAll();
    say('Stopped. Everything is kept; npm start goes on from here.');
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!stopping) void stop();
      stopping = true;
    });
  }
}

async function step<T>(what: string, act: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  say(what);
  const result = await act();
  const seconds = (performance.now() - startedAt) / 1000;
  say(`  ready in ${seconds.toFixed(1)} s: ${what.split(' (')[0]}`);
  return result;
}

function say(line: string) {
  console.log(line);
}
