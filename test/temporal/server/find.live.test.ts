import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachePath, findTemporal } from '../../../temporal/server/find.ts';

const NOWHERE = 'http://127.0.0.1:9';
let folder = '';
let env: NodeJS.ProcessEnv = {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-find-'));
  env = { HOME: folder, XDG_CACHE_HOME: join(folder, 'cache'), PATH: join(folder, 'bin') };
});

afterEach(() => rmSync(folder, { recursive: true }));

test('a CLI on the PATH is used when its server is new enough, and passed over when it is not', async () => {
  const installed = fakeCli(join(folder, 'bin/temporal'), '1.31.2');
  expect(await findTemporal({ env, downloadBaseUrl: NOWHERE })).toBe(installed);

  fakeCli(installed, '1.29.1');
  const cached = fakeCli(cachePath(env), '1.31.2');
  expect(await findTemporal({ env, downloadBaseUrl: NOWHERE })).toBe(cached);
});

test('a TEMPORAL_CLI_PATH that is too old or does not run is refused by name', async () => {
  const old = fakeCli(join(folder, 'old'), '1.29.1');
  await expect(findTemporal({ env: { ...env, TEMPORAL_CLI_PATH: old } })).rejects.toThrow(
    /TEMPORAL_CLI_PATH.*server 1\.29.*1\.31 or newer/,
  );
  const missing = join(folder, 'missing');
  await expect(findTemporal({ env: { ...env, TEMPORAL_CLI_PATH: missing } })).rejects.toThrow(
    /does not run/,
  );
});

test('what is downloaded lands in the cache whole and is not downloaded again', async () => {
  const host = await downloadHost('1.31.2');
  expect(await findTemporal({ env, downloadBaseUrl: host.url })).toBe(cachePath(env));
  expect(await findTemporal({ env, downloadBaseUrl: host.url })).toBe(cachePath(env));
  expect(host.asked).toEqual([
    expect.stringMatching(/^\/v\d+\.\d+\.\d+\?platform=(linux|darwin)&arch=(amd64|arm64)$/),
  ]);
  host.close();
});

test('a broken server in the cache is replaced', async () => {
  const host = await downloadHost('1.31.2');
  mkdirSync(dirname(cachePath(env)), { recursive: true });
  writeFileSync(cachePath(env), 'cut short', { mode: 0o755 });
  const said: string[] = [];
  const path = await findTemporal({
    env,
    downloadBaseUrl: host.url,
    say: (line) => said.push(line),
  });
  expect(readFileSync(path, 'utf8')).toContain('Server 1.31.2');
  expect(said.join()).toContain('is broken');
  host.close();
});

test('with no way to get a server, the message names the three things a person can do', async () => {
  const found = findTemporal({ env, downloadBaseUrl: NOWHERE });
  await expect(found).rejects.toThrow(/TEMPORAL_CLI_PATH[\s\S]*Install Go[\s\S]*TEMPORAL_ADDRESS/);
  expect(existsSync(cachePath(env))).toBe(false);
});

function fakeCli(path: string, server: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "temporal version 1.0.0 (Server ${server}, UI 2.0.0)"\n`);
  chmodSync(path, 0o755);
  return path;
}

async function downloadHost(server: string) {
  const source = dirname(fakeCli(join(folder, 'archive/temporal'), server));
  const archive = join(folder, 'archive.tar.gz');
  execFileSync('tar', ['-czf', archive, '-C', source, 'temporal']);
  const asked: string[] = [];
  const host = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(readFileSync(archive));
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const { port } = host.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, close: () => host.close() };
}
