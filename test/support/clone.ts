import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/ports.ts';
import { removePostgresData } from '../../scripts/postgres-place.ts';
import { identify, isAlive } from '../../scripts/processes.ts';
import type { ProcessIdentity } from '../../scripts/processes.ts';

/** A fresh clone of the working state in a folder of its own, and `npm start` in it. */
export interface Clone {
  folder: string;
  apiUrl: string;
  /** What a person's shell has: the ports, and nothing of the test's own settings. */
  env: NodeJS.ProcessEnv;
  /** Returns when the banner is printed, with all that was printed before. */
  start: () => Promise<string>;
  /** Ctrl-C. Returns what was printed since the banner. */
  stop: () => Promise<string>;
  /** Processes of Holdfast that run now, by name. */
  processes: () => Map<string, ProcessIdentity>;
  /** The ports that a running one listens on. */
  ports: () => number[];
  /** Runs a command as a person would in a second terminal. @throws with its output when it fails. */
  run: (command: string, args: string[]) => Promise<{ stdout: string; stderr: string }>;
  remove: () => Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const STARTED = 'Ctrl-C stops everything';
const START_WITHIN_MS = 120_000;

export async function cloneProject(): Promise<Clone> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-clone-'));
  copyWorkingState(folder);
  const apiPort = await freePort();
  const uiPort = await freePort();
  const env = {
    ...withoutSettings(process.env),
    HOLDFAST_API_PORT: String(apiPort),
    HOLDFAST_UI_PORT: String(uiPort),
  };
  let running: Running | undefined;
  return {
    folder,
    env,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    async start() {
      running = await start(folder, env);
      return running.output();
    },
    async stop() {
      const before = running?.output().length ?? 0;
      await running?.interrupt();
      return running?.output().slice(before) ?? '';
    },
    processes: () => processesOf(folder),
    ports: () => [apiPort, uiPort, ...rememberedPorts(folder)],
    run: (command, args) => run(command, args, { folder, env }),
    async remove() {
      await running?.interrupt();
      await removePostgresData(join(folder, '.holdfast', 'postgres'));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Tracked files and new ones; packages as hard links, since installing them is npm's own matter. */
function copyWorkingState(folder: string) {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const path of new Set(listed.split('\0'))) {
    if (path === '' || !existsSync(join(ROOT, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    copyFileSync(join(ROOT, path), join(folder, path));
  }
  const packages = [join(ROOT, 'node_modules'), join(folder, 'node_modules')];
  try {
    execFileSync('cp', ['-al', ...packages], { stdio: 'ignore' });
  } catch {
    // Another file system, or a cp that makes no links.
    execFileSync('cp', ['-R', ...packages]);
  }
}

interface Running {
  output: () => string;
  interrupt: () => Promise<void>;
}

async function start(folder: string, env: NodeJS.ProcessEnv): Promise<Running> {
  const child = spawn('npm', ['start'], { cwd: folder, env, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const deadline = performance.now() + START_WITHIN_MS;
  while (!output.includes(STARTED)) {
    if (isOver()) throw new Error(`npm start ended before its banner:\n${output}`);
    if (performance.now() > deadline) throw new Error(`No banner within 2 minutes:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    output: () => output,
    async interrupt() {
      if (!isOver()) interruptLikeATerminal(child);
      await ended;
    },
  };
}

/** Ctrl-C reaches every process in the foreground of a terminal: npm, our launcher, the supervisor. */
function interruptLikeATerminal(child: ChildProcess) {
  process.kill(-child.pid!, 'SIGINT');
}

function processesOf(folder: string): Map<string, ProcessIdentity> {
  const files = join(folder, '.holdfast', 'processes');
  const found = readdirSync(files).map((file): [string, ProcessIdentity] => [
    file.replace(/\.json$/, ''),
    JSON.parse(readFileSync(join(files, file), 'utf8')) as ProcessIdentity,
  ]);
  return new Map(found.filter(([, one]) => isAlive(one)));
}

function rememberedPorts(folder: string): number[] {
  const file = join(folder, '.holdfast', 'ports.json');
  return Object.values(JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>);
}

/** Processes on this machine that have something of the folder in their command line. */
export function processesIn(folder: string): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(folder) && identify(Number.parseInt(line, 10)));
}

function run(
  command: string,
  args: string[],
  { folder, env }: { folder: string; env: NodeJS.ProcessEnv },
): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject).once('close', (code) => {
      if (code === 0) resolve({ stdout, stderr });
      else reject(new Error(`${command} ended with code ${code}:\n${stdout}\n${stderr}`));
    });
  });
}

/** The test run's own settings and npm's must not reach a clone. */
const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^(HOLDFAST|TEMPORAL|VITEST|DATABASE)_|^(npm_|NODE_ENV$|TEST$)/i.test(name),
    ),
  );
