import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** One of our processes under test. */
export interface Child {
  /** What it printed when it was ready. */
  ready: Record<string, unknown>;
  pid: number;
  /** Its standard error so far: JSON log lines. */
  log: () => string;
  /** Ends it in order, or at once. Resolves when it is gone. */
  stop: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  exited: Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export async function startChild(script: string, env: NodeJS.ProcessEnv): Promise<Child> {
  const child = spawn(process.execPath, [script], {
    cwd: ROOT,
    env: { ...withoutSettings(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const ready = await Promise.race([
    firstLine(child),
    exited.then(() => {
      throw new Error(`${script} ended before it was ready:\n${log}`);
    }),
  ]);
  return {
    ready,
    pid: child.pid!,
    log: () => log,
    exited,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<Record<string, unknown>> {
  for await (const line of createInterface({ input: child.stdout! }))
    if (line.startsWith('{')) {
      child.stdout!.resume();
      return JSON.parse(line) as Record<string, unknown>;
    }
  return {};
}

/** A person's own settings must not reach a test. */
const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(HOLDFAST|TEMPORAL)_/.test(name)));
