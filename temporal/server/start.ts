/** How the development server is started, and how to know that a server, ours or not, serves. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './setup.ts';

const DYNAMIC_CONFIG = fileURLToPath(new URL('./dynamic-config.yaml', import.meta.url));

export interface DevServerOptions {
  namespace: string;
  /** The SQLite file that keeps all runs. */
  dbFile: string;
  port: number;
  /** None: no UI. */
  uiPort?: number;
}

/** Arguments for the Temporal CLI. Every port is bound on loopback only. */
export function devServerArgs(options: DevServerOptions): string[] {
  return [
    'server',
    'start-dev',
    '--ip=127.0.0.1',
    `--port=${options.port}`,
    ...(options.uiPort === undefined
      ? ['--headless']
      : ['--ui-ip=127.0.0.1', `--ui-port=${options.uiPort}`]),
    `--db-filename=${options.dbFile}`,
    // A write-ahead log synced at checkpoints survives every killed process (not a power cut, after
    // which the ledger's sweepers put things right), and doubles what the server does in a second.
    '--sqlite-pragma=journal_mode=wal',
    '--sqlite-pragma=synchronous=1',
    `--namespace=${options.namespace}`,
    '--log-level=error',
    ...SEARCH_ATTRIBUTES.map((name) => `--search-attribute=${name}=Keyword`),
    ...dynamicConfig().map(([key, value]) => `--dynamic-config-value=${key}=${value}`),
  ];
}

/**
 * Waits until a server answers at the address.
 * @throws after `timeoutMs`, or as soon as `gaveUp` says that its process ended.
 */
export async function untilTemporalServes(
  address: string,
  options: { timeoutMs: number; gaveUp?: () => boolean },
) {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 2_000 });
      await connection.workflowService.getSystemInfo({});
      await connection.close();
      return;
    } catch (error) {
      if (options.gaveUp?.() || performance.now() > deadline) {
        throw new Error(`No Temporal server answers at ${address}.`, { cause: error });
      }
      await sleep(100);
    }
  }
}

/** The file's own small part of YAML: one key, one unconditional value. */
export function dynamicConfig(): [key: string, value: string][] {
  const text = readFileSync(DYNAMIC_CONFIG, 'utf8');
  return [...text.matchAll(/^([\w.]+):\n {2}- value: (\S+)$/gm)].map(([, key, value]) => [
    key!,
    value!,
  ]);
}
