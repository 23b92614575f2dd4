/** Keeps the processes of `npm start` running, and stops them in order. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopProcess } from './processes.ts';
import type { LaunchedProcess } from './processes.ts';
import { forgetProcess, rememberProcess, STOP_ORDER, stopSignal } from './single-instance.ts';
import { rotateLog } from './state.ts';
import type { StateFiles } from './state.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
/** A process that ran for this long is taken to have been well, and starts again at once. */
const WELL_AFTER_MS = 30_000;
const GRACE_MS = 15_000;

export interface Service {
  /** One of `STOP_ORDER`. */
  name: string;
  /**
   * Starts it, tells `onLaunch` of the process as soon as there is one, and returns when it is
   * ready. Called again after it died.
   */
  start: (onLaunch: (launched: LaunchedProcess) => void) => Promise<unknown>;
}

export interface Supervisor {
  /** Returns when it is ready for the first time. */
  run: (service: Service) => Promise<void>;
  /** Starts it again at once, as after a change of its source. */
  restart: (name: string) => Promise<void>;
  stopAll: () => Promise<void>;
  isStopping: () => boolean;
}

interface State {
  files: StateFiles;
  say: (line: string) => void;
  running: Map<string, LaunchedProcess>;
  /** Ended by us, so that their end is no news. */
  onPurpose: WeakSet<LaunchedProcess>;
  stopping: boolean;
}

export function createSupervisor(files: StateFiles, say: (line: string) => void): Supervisor {
  const state: State = {
    files,
    say,
    running: new Map(),
    onPurpose: new WeakSet(),
    stopping: false,
  };
  return {
    run: async (service) => {
      const first = await startOnce(state, service);
      keepUp(state, service, first).catch((error: unknown) => {
        if (!state.stopping) say((error as Error).message);
      });
    },
    restart: (name) => stopOne(state, name),
    stopAll: async () => {
      state.stopping = true;
      for (const name of STOP_ORDER) await stopOne(state, name);
    },
    isStopping: () => state.stopping,
  };
}

async function startOnce(state: State, service: Service): Promise<LaunchedProcess> {
  if (state.stopping) throw new Error('Stopping.');
  rotateLog(state.files.log(service.name));
  let launched: LaunchedProcess | undefined;
  try {
    await service.start((started) => {
      launched = started;
      state.running.set(service.name, started);
      rememberProcess(state.files, service.name, started);
      if (state.stopping) void stopOne(state, service.name);
    });
  } catch (error) {
    if (launched) await stopProcess(launched, { signal: stopSignal(service.name) });
    throw error;
  }
  return launched!;
}

async function stopOne(state: State, name: string) {
  const current = state.running.get(name);
  if (!current) return;
  state.onPurpose.add(current);
  await stopProcess(current, { signal: stopSignal(name), graceMs: GRACE_MS });
  if (state.running.get(name) === current) forgetProcess(state.files, name);
}

async function keepUp(state: State, service: Service, first: LaunchedProcess) {
  let current = first;
  let waitMs = FIRST_WAIT_MS;
  let startedAt = performance.now();
  for (;;) {
    const end = await current.exited;
    if (state.stopping) return;
    if (performance.now() - startedAt > WELL_AFTER_MS) waitMs = FIRST_WAIT_MS;
    if (!state.onPurpose.has(current)) {
      state.say(`${service.name} ended (${end.signal ?? `code ${end.code}`}); starting it again`);
      await sleep(waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
    startedAt = performance.now();
    current = await startUntilItRuns(state, service, waitMs);
    state.say(`${service.name} runs again (process ${current.pid})`);
  }
}

async function startUntilItRuns(state: State, service: Service, firstWaitMs: number) {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await startOnce(state, service);
    } catch (error) {
      if (state.stopping) throw error;
      state.say(`${(error as Error).message} Trying again in ${waitMs / 1000} s.`);
      await sleep(waitMs);
    }
  }
}

/** The end of a process's log, for the message about its death. */
export function logTail(file: string, lines = 15): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
