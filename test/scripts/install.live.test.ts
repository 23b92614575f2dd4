import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const scripts = new URL('../../scripts/', import.meta.url).href;
const LOCKED = { '': {}, 'node_modules/a': { version: '1.0.0' } };
const OTHER_PLATFORM = { 'node_modules/b': { version: '1.0.0', optional: true } };
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-install-'));
  write('package-lock.json', { packages: { ...LOCKED, ...OTHER_PLATFORM } });
  // Stands in for npm: installs what the lockfile says and leaves a trace of having been asked.
  writeFileSync(
    join(root, 'npm.cjs'),
    `const fs = require('node:fs');
     fs.appendFileSync('asked', process.argv.slice(2).join(' ') + '\\n');
     if (fs.existsSync('offline')) process.exit(1);
     fs.mkdirSync('node_modules/a', { recursive: true });
     fs.writeFileSync('node_modules/a/package.json', '{}');
     fs.writeFileSync('node_modules/.package-lock.json',
       JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }));`,
  );
});

afterEach(() => rmSync(root, { recursive: true }));

test('packages are installed once, with those for development whatever NODE_ENV says', () => {
  expect(ensure().status).toBe(0);
  expect(ensure().status).toBe(0);
  expect(asked()).toEqual(['ci --loglevel=error --include=dev --include=optional']);
});

test('a half-finished install, an older one and one with a hole are done again', () => {
  ensure();
  rmSync(join(root, 'node_modules/.package-lock.json'));
  expect(ensure().stdout).toContain('was not finished');
  write('node_modules/.package-lock.json', {
    packages: { 'node_modules/a': { version: '0.9.0' } },
  });
  expect(ensure().stdout).toContain('not those of package-lock.json');
  rmSync(join(root, 'node_modules/a/package.json'));
  expect(ensure().stdout).toContain('node_modules/a is incomplete');
  expect(asked()).toHaveLength(4);
});

test('an install that fails says what to do', () => {
  write('offline', {});
  const { status, stderr } = ensure();
  expect(status).not.toBe(0);
  expect(stderr).toContain('npm ping');
});

test('packages are not replaced under a running Holdfast', () => {
  write('.holdfast/supervisor.json', { pid: process.pid });
  expect(ensure().stderr).toContain(`kill ${process.pid}`);
  expect(existsSync(join(root, 'asked'))).toBe(false);
});

test('two processes never install at once, and the lock of a dead one does not count', async () => {
  write('.holdfast/install.lock', 999_999_999);
  const work = `import { withInstallLock } from '${scripts}install-lock.js';
    import { appendFileSync } from 'node:fs';
    await withInstallLock(process.cwd(), async () => {
      appendFileSync('order', 'in ');
      await new Promise((resolve) => setTimeout(resolve, 300));
      appendFileSync('order', 'out ');
    });`;
  const children = [1, 2, 3].map(() => spawn(process.execPath, evaluated(work), { cwd: root }));
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  expect(readFileSync(join(root, 'order'), 'utf8')).toBe('in out in out in out ');
});

test('an unknown name says what there is to run', () => {
  const { status, stderr } = spawnSync(process.execPath, [new URL('run.js', scripts).pathname], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('npm start') });
});

function ensure() {
  const work = `import { ensurePackages } from '${scripts}install.js';
    await ensurePackages(process.cwd());`;
  return spawnSync(process.execPath, evaluated(work), {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production', npm_execpath: join(root, 'npm.cjs') },
  });
}

function evaluated(work: string): string[] {
  return ['--input-type=module', '--eval', work];
}

function asked(): string[] {
  return readFileSync(join(root, 'asked'), 'utf8').trim().split('\n');
}

function write(path: string, content: unknown) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), JSON.stringify(content));
}
