/** Whether `node_modules` is what the lockfile says, and `npm ci` when it is not. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @throws when npm fails, saying what to do. */
export async function ensurePackages(root) {
  const reason = whatIsWrong(root);
  if (reason) await reinstallPackages(root, reason);
}

export async function reinstallPackages(root, reason) {
  const running = runningSupervisor(root);
  if (running) {
    throw new Error(
      `The packages have to be installed anew (${reason}), and Holdfast runs from them as process ` +
        `${running}. Stop it first (Ctrl-C in its terminal, or kill ${running}), then try again.`,
    );
  }
  console.log(`Installing packages, because ${reason}: usually 20 to 90 s, into node_modules`);
  // Development packages too, whatever NODE_ENV says: the embedded servers are among them.
  const args = ['ci', '--loglevel=error', '--include=dev', '--include=optional'];
  const code = await npm(root, args);
  if (code === 0) return;
  throw new Error(
    'npm could not install the packages; its own message is above. Check the network and the ' +
      'registry (npm ping), then start again: a half-finished install is noticed and redone.',
  );
}

/**
 * npm writes its own lockfile into `node_modules` at the very end of an install, so a missing one
 * means never or half, and a different one means older or newer.
 * @returns {string | undefined} nothing when all is well.
 */
function whatIsWrong(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const written = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(join(root, 'node_modules'))) return 'node_modules is missing';
  if (!existsSync(written)) return 'an install was not finished';
  const installed = readPackages(written);
  for (const [path, { version, optional, devOptional, peer }] of Object.entries(wanted)) {
    const found = installed[path];
    if (path === '' || (!found && (optional || devOptional || peer))) continue;
    if (found?.version !== version) return 'they are not those of package-lock.json';
    if (!existsSync(join(root, path, 'package.json'))) return `${path} is incomplete`;
  }
  return undefined;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch (error) {
    throw new Error(`${file} cannot be read (${error.message}). Restore it from git.`);
  }
}

function runningSupervisor(root) {
  try {
    const { pid } = JSON.parse(readFileSync(join(root, '.holdfast', 'supervisor.json'), 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch {
    // No lock, or one whose process is gone.
    return undefined;
  }
}

/** Under `npm start` the same npm is used, otherwise the one on the PATH. */
function npm(root, args) {
  const [command, ...first] = process.env.npm_execpath
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args], { cwd: root, stdio: 'inherit' });
    child.once('error', () => reject(new Error('npm is not on the PATH; it comes with Node.')));
    child.once('exit', resolve);
  });
}
