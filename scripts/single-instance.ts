/** One `npm start` a folder, and none of a killed one's processes beside it. */
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify, isAlive, stopProcess } from './processes.ts';
import type { ProcessIdentity } from './processes.ts';
import type { StateFiles } from './state.ts';

interface Instance extends ProcessIdentity {
  apiUrl: string;
}

/** Children are stopped in this order: who calls before who is called. */
export const STOP_ORDER = ['shop', 'api', 'worker', 'emulators', 'temporal', 'postgres'];

/**
 * @returns what gives the lock back.
 * @throws when another one runs here, saying where and how to stop it.
 */
export function takeInstanceLock(files: StateFiles, apiUrl: string): () => void {
  const own = `${files.lock}.${process.pid}`;
  const instance: Instance = { ...identify(process.pid)!, apiUrl };
  writeFileSync(own, JSON.stringify(instance));
  try {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      if (linked(own, files.lock)) return () => rmSync(files.lock, { force: true });
      const holder = readInstance(files.lock);
      if (holder && isAlive(holder)) throw new Error(runningMessage(holder));
      rmSync(files.lock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw new Error(`The lock ${files.lock} cannot be taken. Remove it and start again.`);
}

/** A supervisor that was killed could not stop its children. */
export async function stopOrphans(files: StateFiles, say: (line: string) => void) {
  const names = readdirSync(files.processes).map((file) => file.replace(/\.json$/, ''));
  for (const name of names.toSorted((a, b) => STOP_ORDER.indexOf(a) - STOP_ORDER.indexOf(b))) {
    const file = processFile(files, name);
    const orphan = readInstance(file);
    if (orphan && isAlive(orphan)) {
      say(`Stopping ${name} (process ${orphan.pid}), left by a Holdfast that was killed.`);
      await stopProcess(orphan, { signal: stopSignal(name), graceMs: 15_000 });
    }
    rmSync(file, { force: true });
  }
}

export function rememberProcess(files: StateFiles, name: string, { pid, bornAt }: ProcessIdentity) {
  writeFileSync(processFile(files, name), JSON.stringify({ pid, bornAt }));
}

export function forgetProcess(files: StateFiles, name: string) {
  rmSync(processFile(files, name), { force: true });
}

/** SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for its clients to leave. */
export function stopSignal(name: string): NodeJS.Signals {
  return name === 'postgres' ? 'SIGINT' : 'SIGTERM';
}

function processFile(files: StateFiles, name: string): string {
  return join(files.processes, `${name}.json`);
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readInstance(file: string): Instance | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Instance;
  } catch {
    return undefined;
  }
}

function runningMessage(holder: Instance): string {
  return (
    `Holdfast already runs from this folder (process ${holder.pid}): its API is at ` +
    `${holder.apiUrl}. Stop it with Ctrl-C in its terminal, or with: kill ${holder.pid}`
  );
}
