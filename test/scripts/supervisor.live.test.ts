import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { identify, isAlive, launch } from '../../scripts/processes.ts';
import { nodeService } from '../../scripts/services.ts';
import { stopOrphans, takeInstanceLock } from '../../scripts/single-instance.ts';
import { keyring, rememberedPorts, stateFiles } from '../../scripts/state.ts';
import type { StateFiles } from '../../scripts/state.ts';
import { createSupervisor } from '../../scripts/supervisor.ts';
import type { Supervisor } from '../../scripts/supervisor.ts';

const STEADY = `
  const { appendFileSync } = require('node:fs');
  process.on('SIGTERM', () => { appendFileSync('ends', process.env.NAME + ' '); process.exit(0); });
  setInterval(() => {}, 1000);
  console.log(JSON.stringify({ ready: true }));`;

let root = '';
let files: StateFiles;
let supervisor: Supervisor;
let said: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-supervised-'));
  files = stateFiles(root);
  said = [];
  supervisor = createSupervisor(files, (line) => said.push(line));
});

afterEach(async () => {
  await supervisor.stopAll();
  rmSync(root, { recursive: true });
});

test('a process that is killed runs again, and its new one is the one that is remembered', async () => {
  await supervisor.run(service('api', STEADY));
  const first = pidOf('api');
  process.kill(first, 'SIGKILL');
  await vi.waitUntil(() => said.some((line) => line.startsWith('api runs again')), 10_000);
  expect(pidOf('api')).not.toBe(first);
  expect(identify(first)).toBeUndefined();
});

test('stopping goes from the callers to the called and leaves nothing running', async () => {
  for (const name of ['emulators', 'worker', 'api']) await supervisor.run(service(name, STEADY));
  const pids = ['emulators', 'worker', 'api'].map(pidOf);
  await supervisor.stopAll();
  expect(readFileSync(join(root, 'ends'), 'utf8')).toBe('api worker emulators ');
  expect(pids.map((pid) => identify(pid))).toEqual([undefined, undefined, undefined]);
  expect(readdirSync(files.processes)).toEqual([]);
});

test('a process that ends before it is ready fails the start with the end of its log', async () => {
  const failing = service('worker', `console.error('no such database'); process.exit(3);`);
  await expect(supervisor.run(failing)).rejects.toThrow(/worker.*code 3[\s\S]*no such database/);
});

test('children of a killed supervisor are stopped by the next one', async () => {
  await supervisor.run(service('worker', STEADY));
  const orphan = identify(pidOf('worker'))!;
  await stopOrphans(files, (line) => said.push(line));
  expect(isAlive(orphan)).toBe(false);
  expect(said.join()).toContain('left by a Holdfast that was killed');
});

test('a remembered number that now belongs to a stranger is left alone', async () => {
  const stranger = await launch({
    name: 'stranger',
    command: 'sleep',
    args: ['60'],
    logFile: join(root, 'stranger.log'),
  });
  const remembered = JSON.stringify({ pid: stranger.pid, bornAt: 'long ago' });
  writeFileSync(join(files.processes, 'api.json'), remembered);
  await stopOrphans(files, () => {});
  expect(isAlive(stranger)).toBe(true);
  process.kill(stranger.pid, 'SIGKILL');
});

test('a second Holdfast in the same folder is told of the first; a dead one does not count', () => {
  const release = takeInstanceLock(files, 'http://127.0.0.1:8400');
  expect(() => takeInstanceLock(files, 'http://127.0.0.1:8400')).toThrow(
    /already runs.*8400.*kill \d+/,
  );
  release();
  writeFileSync(files.lock, JSON.stringify({ pid: process.pid, bornAt: 'another life' }));
  takeInstanceLock(files, 'http://127.0.0.1:8400')();
  expect(existsSync(files.lock)).toBe(false);
});

test('ports and key are the same at every start', async () => {
  const [ports, key] = [await rememberedPorts(files), keyring(files)];
  expect(await rememberedPorts(files)).toEqual(ports);
  expect(keyring(files)).toBe(key);
});

function service(name: string, script: string) {
  mkdirSync(join(root, 'src'), { recursive: true });
  writeFileSync(join(root, 'src', `${name}.cjs`), script);
  const env = { ...process.env, NAME: name };
  return nodeService(name, { root, files, script: `src/${name}.cjs`, env, readyKey: 'ready' });
}

function pidOf(name: string): number {
  const file = join(files.processes, `${name}.json`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
}
