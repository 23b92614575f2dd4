/**
 * Processes that Holdfast starts: each leads a group of its own, so that a Ctrl-C in the terminal
 * reaches the supervisor alone and the stop stays in order.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process id alone is reused by the system; with its birth it names one process for good. */
export interface ProcessIdentity {
  pid: number;
  bornAt: string;
}

export interface Launch {
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Where stderr goes, and stdout too unless `onLine` takes it. */
  logFile: string;
  /** Called with each line of stdout. */
  onLine?: (line: string) => void;
}

export interface LaunchedProcess extends ProcessIdentity {
  name: string;
  logFile: string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  hasExited: () => boolean;
}

export interface StopOptions {
  signal?: NodeJS.Signals;
  /** After this long the group is killed. */
  graceMs?: number;
}

/** @throws when the command cannot be started at all. */
export async function launch(options: Launch): Promise<LaunchedProcess> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a');
  const child = spawn(options.command, options.args, {
    cwd: options.cwd ?? process.cwd(),
    env: options.env ?? process.env,
    detached: true,
    stdio: ['ignore', options.onLine ? 'pipe' : log, log],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  closeSync(log);
  const exited = exitOf(child);
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(new Error(`${options.name} could not be started: ${error.message}`)),
    );
  });
  if (options.onLine) readLines(child, options.onLine);
  const pid = child.pid!;
  return {
    name: options.name,
    logFile: options.logFile,
    pid,
    bornAt: identify(pid)?.bornAt ?? 'gone',
    exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
  };
}

/** Asks first, then kills the whole group; returns when the process is gone. */
export async function stopProcess(target: ProcessIdentity, options: StopOptions = {}) {
  if (!isAlive(target)) return;
  signalProcess(target.pid, options.signal ?? 'SIGTERM');
  await goneWithin(target, options.graceMs ?? 10_000);
  signalProcess(-target.pid, 'SIGKILL');
  if (isAlive(target)) signalProcess(target.pid, 'SIGKILL');
  await goneWithin(target, 5_000);
}

/** The last resort of a process that is ending itself and cannot wait. */
export function killGroups(targets: ProcessIdentity[]) {
  for (const target of targets.filter(isAlive)) signalProcess(-target.pid, 'SIGQUIT');
}

export function isAlive(target: ProcessIdentity): boolean {
  return identify(target.pid)?.bornAt === target.bornAt;
}

/** Nothing when no such process runs; a zombie does not run. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    if (process.platform === 'linux') {
      // The name in brackets may hold spaces; the fields are counted after it (proc_pid_stat(5)).
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
      return fields[0] === 'Z' ? undefined : { pid, bornAt: fields[19]! };
    }
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
    }).trim();
    const [state = 'Z', ...born] = line.split(/\s+/);
    return state.startsWith('Z') ? undefined : { pid, bornAt: born.join(' ') };
  } catch {
    return undefined;
  }
}

/** The command line of a running process, empty when it cannot be read. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    }
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

async function goneWithin(target: ProcessIdentity, limitMs: number) {
  const deadline = performance.now() + limitMs;
  while (isAlive(target) && performance.now() < deadline) await sleep(25);
}

function signalProcess(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function exitOf(child: ChildProcess): LaunchedProcess['exited'] {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

function readLines(child: ChildProcess, onLine: (line: string) => void) {
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
