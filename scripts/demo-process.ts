/** Runs `scripts/demo.ts` with the services' own settings and reads what it made. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const TIMEOUT_MS = 60_000;

/** What `scripts/demo.ts` prints as its last line, as JSON. */
export interface Demo {
  /** Valid on loopback only. */
  apiKey: string;
  /** The run that the banner links to in Temporal UI. */
  connectionWorkflowId: string;
  /** Lines to paste, in the order of the first five minutes. */
  commands: string[];
}

export async function seedDemoProcess(root: string, env: NodeJS.ProcessEnv): Promise<Demo> {
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(root, 'scripts/demo.ts')],
      { cwd: root, env, timeout: TIMEOUT_MS },
    );
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Demo;
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string };
    throw new Error(`The demo could not be made: ${stderr?.trim() || message}`, { cause: error });
  }
}
