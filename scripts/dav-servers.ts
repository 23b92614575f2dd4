/** Real CalDAV servers for the tests, in a virtual environment outside the clone. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const RADICALE_VERSION = '3.9.0';
export const XANDIKOS_VERSION = '0.4.10';
const INSTALL_TIMEOUT_MS = 5 * 60_000;
const PYTHONS = ['python3', 'python'];

/**
 * The Python that has both servers as modules (`-m radicale`, `-m xandikos`), installed at the first
 * call; clones share it, and two callers at once do no harm.
 * @throws naming what a person can do when Python or its package index is missing.
 */
export async function installDavServers(
  options: { env?: NodeJS.ProcessEnv; say?: (line: string) => void } = {},
): Promise<string> {
  const env = options.env ?? process.env;
  const target = davCachePath(env);
  if (!existsSync(target)) await bring(target, { env, say: options.say ?? (() => {}) });
  return pythonIn(target);
}

/** Outside the clone, so that a fresh install does not remove it. */
export function davCachePath(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache');
  return join(cache, 'holdfast', `dav-${RADICALE_VERSION}-${XANDIKOS_VERSION}`);
}

const pythonIn = (folder: string): string => join(folder, 'bin', 'python');

interface Bringing {
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
}

/**
 * Made beside the final place and moved there when all is well. Modules survive the move, the
 * commands in `bin` do not: they name the Python they were made with.
 */
async function bring(target: string, { env, say }: Bringing): Promise<void> {
  const python = await findPython(env);
  if (!python) throw new Error(helpText('Python 3 with pip was not found.'));
  await mkdir(join(target, '..'), { recursive: true });
  const made = await mkdtemp(`${target}-`);
  try {
    say(`Installing Radicale ${RADICALE_VERSION} and Xandikos ${XANDIKOS_VERSION} into ${target}`);
    const options = { env, timeout: INSTALL_TIMEOUT_MS };
    await run(python, ['-m', 'venv', made], options);
    const packages = [`radicale==${RADICALE_VERSION}`, `xandikos==${XANDIKOS_VERSION}`];
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await run(pythonIn(made), [...pip, ...packages], options);
    await rename(made, target);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    // Another process was first.
    if (existsSync(target)) return;
    throw new Error(helpText(lastLineOf(error)), { cause: error });
  }
}

async function findPython(env: NodeJS.ProcessEnv): Promise<string | null> {
  for (const python of PYTHONS) {
    try {
      await run(python, ['-c', 'import venv, ensurepip'], { env, timeout: 15_000 });
      return python;
    } catch {
      // The next name may be the right one.
    }
  }
  return null;
}

const lastLineOf = (error: unknown): string =>
  (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? (error as Error).message;

const helpText = (reason: string): string =>
  `The CalDAV servers for the tests could not be installed: ${reason} ` +
  'Install Python 3.9 or newer with venv and pip, and let pip reach a package index ' +
  '(PIP_INDEX_URL names another one); then run the tests again.';
