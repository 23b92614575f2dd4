/** Where a running `npm start` of this folder is to be found. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_NAMESPACE } from '../temporal/server/setup.ts';

export interface Running {
  apiUrl: string;
  emulatorsUrl: string;
  /** The demo's booking page. */
  shopUrl: string;
  temporalAddress: string;
  temporalNamespace: string;
  /** Nothing when Temporal runs elsewhere. */
  uiUrl: string | undefined;
  /** As the application role. */
  databaseUrl: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HOST = '127.0.0.1';

/** @throws when it never ran here. */
export function findRunning(): Running {
  if (existsSync(join(ROOT, '.env'))) process.loadEnvFile(join(ROOT, '.env'));
  const { env } = process;
  const state = join(ROOT, '.holdfast');
  const ports = readJson<Record<'postgres' | 'temporal' | 'emulators' | 'shop', number>>(
    join(state, 'ports.json'),
  );
  const elsewhere = env['TEMPORAL_ADDRESS'];
  return {
    apiUrl: `http://${HOST}:${env['HOLDFAST_API_PORT'] || 8400}`,
    emulatorsUrl: `http://${HOST}:${ports.emulators}`,
    shopUrl: `http://${HOST}:${ports.shop}`,
    temporalAddress: elsewhere ?? `${HOST}:${ports.temporal}`,
    temporalNamespace: env['TEMPORAL_NAMESPACE'] ?? DEFAULT_NAMESPACE,
    uiUrl: elsewhere ? undefined : `http://${HOST}:${env['HOLDFAST_UI_PORT'] || 8233}`,
    databaseUrl: env['DATABASE_URL'] ?? embeddedDatabase(state, ports.postgres),
  };
}

function embeddedDatabase(state: string, port: number): string {
  const passwords = readJson<{ holdfast_app: string }>(join(state, 'postgres.passwords.json'));
  return `postgresql://holdfast_app:${passwords.holdfast_app}@${HOST}:${port}/holdfast`;
}

function readJson<T>(file: string): T {
  if (!existsSync(file)) throw new Error(`${file} is missing: run npm start in this folder first.`);
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}
