/** How each of Holdfast's processes is started and how it says that it is ready. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { devServerArgs, untilTemporalServes } from '../temporal/server/start.ts';
import { startPostgres } from './postgres.ts';
import type { RunningPostgres } from './postgres.ts';
import { launch } from './processes.ts';
import type { LaunchedProcess } from './processes.ts';
import type { RememberedPorts, StateFiles } from './state.ts';
import { logTail } from './supervisor.ts';
import type { Service } from './supervisor.ts';

const READY_WITHIN_MS = 60_000;
const TEMPORAL_READY_WITHIN_MS = 60_000;

export function postgresService(
  files: StateFiles,
  ports: RememberedPorts,
  onReady: (postgres: RunningPostgres) => void,
): Service {
  return {
    name: 'postgres',
    start: async (onLaunch) => {
      const options = { dataDir: files.postgres, port: ports.postgres, onLaunch };
      onReady(await startPostgres({ ...options, logFile: files.log('postgres') }));
    },
  };
}

export interface TemporalOptions {
  cliPath: string;
  port: number;
  uiPort: number;
  namespace: string;
}

export function temporalService(files: StateFiles, options: TemporalOptions): Service {
  return {
    name: 'temporal',
    start: async (onLaunch) => {
      const server = await launch({
        name: 'temporal',
        command: options.cliPath,
        args: devServerArgs({ ...options, dbFile: files.temporalDb }),
        logFile: files.log('temporal'),
      });
      onLaunch(server);
      const limits = { timeoutMs: TEMPORAL_READY_WITHIN_MS, gaveUp: server.hasExited };
      try {
        await untilTemporalServes(`127.0.0.1:${options.port}`, limits);
      } catch (error) {
        throw notReady(server, error);
      }
    },
  };
}

export interface NodeServiceOptions {
  root: string;
  files: StateFiles;
  /** Relative to the root. */
  script: string;
  env: NodeJS.ProcessEnv;
  /** The key of the JSON line on stdout that says it is ready. */
  readyKey: 'ready' | 'listening';
}

/** A TypeScript process of ours. Its stdout is for the one line; what else comes is logged. */
export function nodeService(name: string, options: NodeServiceOptions): Service {
  const logFile = options.files.log(name);
  return {
    name,
    start: async (onLaunch) => {
      let saidReady = () => {};
      const ready = new Promise<void>((resolve) => {
        saidReady = resolve;
      });
      const child = await launch({
        name,
        command: process.execPath,
        args: [join(options.root, options.script)],
        cwd: options.root,
        env: options.env,
        logFile,
        onLine: (line) => {
          if (isReadyLine(line, options.readyKey)) saidReady();
          else appendFileSync(logFile, `${line}\n`);
        },
      });
      onLaunch(child);
      await readyOrDead(child, ready);
    },
  };
}

async function readyOrDead(child: LaunchedProcess, ready: Promise<void>) {
  const timeout = AbortSignal.timeout(READY_WITHIN_MS);
  const late = new Promise<never>((_, reject) => {
    timeout.addEventListener('abort', () =>
      reject(notReady(child, `not ready within ${READY_WITHIN_MS / 1000} s`)),
    );
  });
  const dead = child.exited.then(({ code, signal }) => {
    throw notReady(child, `ended with ${signal ?? `code ${code}`}`);
  });
  // Whichever comes later has nobody to tell any more.
  for (const other of [late, dead]) other.catch(() => {});
  await Promise.race([ready, late, dead]);
}

function notReady(child: LaunchedProcess, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const tail = logTail(child.logFile);
  return new Error(
    `${child.name} did not come up: ${reason}. Its log is ${child.logFile}` +
      `${tail === '' ? '.' : `, and ends:\n${tail}\n`}`,
    { cause },
  );
}

function isReadyLine(line: string, key: string): boolean {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && key in parsed;
  } catch {
    return false;
  }
}
