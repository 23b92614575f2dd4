/** Where the Temporal server comes from on a machine that was not given the address of one. */
import { execFile } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The same version as in `go.mod` beside this file. */
export const TEMPORAL_CLI_VERSION = '1.8.2';
/** The first server whose workflows may take up a new worker version when they continue as new. */
const OLDEST_SERVER = [1, 31] as const;
const SOURCES = fileURLToPath(new URL('./', import.meta.url));
const DOWNLOAD_TIMEOUT_MS = 120_000;
const BUILD_TIMEOUT_MS = 20 * 60_000;

export interface FindOptions {
  env?: NodeJS.ProcessEnv;
  say?: (line: string) => void;
  /** Temporal's own download host, as its SDKs use it. */
  downloadBaseUrl?: string;
}

/**
 * The path of a Temporal CLI that can serve: the one given or on the PATH, else our cache, else a
 * download, else a build with Go.
 * @throws naming the three things a person can do.
 */
export async function findTemporal(options: FindOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const say = options.say ?? (() => {});
  const given = env['TEMPORAL_CLI_PATH'];
  if (given) return requireUsable(given);
  const installed = await firstUsable(candidatesOnPath(env['PATH'] ?? ''));
  if (installed) return installed;

  const cached = cachePath(env);
  if (existsSync(cached)) {
    if (await serverVersion(cached)) return cached;
    say(`The Temporal server in ${cached} is broken; bringing a new one.`);
    await rm(cached, { force: true });
  }
  await mkdir(join(cached, '..'), { recursive: true });
  const reasons: string[] = [];
  for (const bring of [download, build]) {
    try {
      return await bring(cached, { ...options, env, say });
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(noServerMessage(reasons));
}

/** Outside the clone, so that clones share it and a fresh install does not remove it. */
export function cachePath(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache');
  return join(cache, 'holdfast', `temporal-${TEMPORAL_CLI_VERSION}`);
}

/** The version of the server inside, as `[major, minor]`; nothing when it does not run. */
async function serverVersion(path: string): Promise<readonly [number, number] | undefined> {
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 15_000 });
    const [, major, minor] = /Server (\d+)\.(\d+)/.exec(stdout) ?? [];
    return major && minor ? [Number(major), Number(minor)] : undefined;
  } catch {
    return undefined;
  }
}

function isUsable(version: readonly [number, number] | undefined): boolean {
  if (!version) return false;
  const [major, minor] = version;
  return major > OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor >= OLDEST_SERVER[1]);
}

async function requireUsable(path: string): Promise<string> {
  const version = await serverVersion(path);
  if (isUsable(version)) return path;
  const found = version ? `it holds server ${version.join('.')}` : 'it does not run';
  throw new Error(
    `TEMPORAL_CLI_PATH is ${path}, but ${found}. Holdfast needs a Temporal CLI with server ` +
      `${OLDEST_SERVER.join('.')} or newer (such as ${TEMPORAL_CLI_VERSION}); point it at one, or unset it.`,
  );
}

async function firstUsable(paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (isUsable(await serverVersion(path))) return path;
  }
  return undefined;
}

function candidatesOnPath(path: string): string[] {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'temporal'))
    .filter((file) => existsSync(file));
}

type Bringing = FindOptions & { env: NodeJS.ProcessEnv; say: (line: string) => void };

async function download(target: string, { downloadBaseUrl, say }: Bringing): Promise<string> {
  const base = downloadBaseUrl ?? 'https://temporal.download/cli/archive';
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const url = `${base}/v${TEMPORAL_CLI_VERSION}?platform=${process.platform}&arch=${arch}`;
  say(`Downloading Temporal's server (60 MB, usually under a minute) into ${target}`);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-temporal-'));
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    const archive = join(folder, 'archive.tar.gz');
    await pipeline(Readable.fromWeb(response.body), createWriteStream(archive));
    await run('tar', ['-xzf', archive, '-C', folder, 'temporal']);
    return await keep(join(folder, 'temporal'), target);
  } catch (error) {
    throw new Error(`download from ${new URL(url).host} failed (${reasonOf(error)})`, {
      cause: error,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function build(target: string, { env, say }: Bringing): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-temporal-'));
  try {
    await run('go', ['version'], { env });
    say(`Building Temporal's server with Go (usually 2 to 4 minutes, once) into ${target}`);
    for (const file of ['go.mod', 'go.sum', 'tools.go']) {
      await cp(join(SOURCES, file), join(folder, file));
    }
    const output = join(folder, 'temporal');
    const flags = ['-trimpath', '-ldflags', '-s -w', '-o', output];
    await run('go', ['build', ...flags, 'github.com/temporalio/cli/cmd/temporal'], {
      cwd: folder,
      env: { ...env, CGO_ENABLED: '0' },
      timeout: BUILD_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
    return await keep(output, target);
  } catch (error) {
    throw new Error(`build with Go failed (${reasonOf(error)})`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Renamed into place, so that no other process ever sees half a binary. */
async function keep(path: string, target: string): Promise<string> {
  const unfinished = `${target}.${process.pid}`;
  await cp(path, unfinished);
  await chmod(unfinished, 0o755);
  if (!isUsable(await serverVersion(unfinished))) {
    await rm(unfinished, { force: true });
    throw new Error('what came does not run here');
  }
  await rename(unfinished, target);
  return target;
}

function reasonOf(error: unknown): string {
  const { message, code, cause } = error as Error & { code?: unknown };
  if (code === 'ENOENT') return 'no `go` on the PATH';
  const under = cause instanceof Error ? `: ${cause.message}` : '';
  return `${message.trim().split('\n').slice(0, 3).join(' ')}${under}`;
}

function noServerMessage(reasons: string[]): string {
  return [
    `No Temporal server could be brought to this machine: ${reasons.join('; ')}.`,
    'Do one of these three, then start again:',
    '  1. Install the Temporal CLI (macOS: brew install temporal; others: https://docs.temporal.io/cli),',
    '     or point TEMPORAL_CLI_PATH at one.',
    '  2. Install Go 1.21 or newer (https://go.dev/dl), and it is built here, once.',
    '  3. Set TEMPORAL_ADDRESS to a Temporal server that runs elsewhere, such as 127.0.0.1:7233.',
  ].join('\n');
}
