import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { installDavServers } from '../../scripts/dav-servers.ts';
import type { Bench } from '../laws/bench.ts';
import { davClient, davEdits } from '../laws/dav-client.ts';
import { startFaultProxy } from '../laws/fault-proxy.ts';

export const REAL_SERVERS = ['radicale', 'xandikos'] as const;
export type RealServer = (typeof REAL_SERVERS)[number];

const USERNAME = 'owner@example.com';
const PASSWORD = 'app-password-1';
const START_TIMEOUT_MS = 30_000;

/** Changes per page in these benches; a real server takes its time for every event. */
export const PAGE_SIZE = 25;

/** The provider at a real server, through a proxy that breaks what is asked for. */
export async function openRealBench(name: RealServer, python: string): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), `holdfast-${name}-`));
  const server = await startServer(name, { python, folder });
  const proxy = await startFaultProxy(new URL(server.url));
  const outbound = createOutbound({ allow: [new URL(proxy.url).host] });
  const provider = createCaldavProvider({
    fetchOutside: outbound.fetchOutside,
    parties: [],
    plainHttpHosts: [new URL(proxy.url).host],
    limits: { totalTimeoutMs: 1_000, pageSize: PAGE_SIZE, multigetSize: 10 },
  });
  const given = { username: USERNAME, password: PASSWORD };
  const { credential } = await provider.prove({
    credential: { kind: 'basic', serverUrl: proxy.url, ...given },
  });
  if (credential.kind !== 'basic') throw new Error('A password became something else.');
  // The second client goes past the proxy.
  const homeUrl = new URL(new URL(credential.homeUrl!).pathname, server.url).href;
  const client = davClient({ homeUrl, ...given });
  const direct = (id: string) => new URL(new URL(id).pathname, server.url).href;
  const edits = davEdits({
    makeCalendar: (calendar) => client.makeCalendar(calendar),
    put: (id, ...rest) => client.put(direct(id), ...rest),
    delete: (id, ...rest) => client.delete(direct(id), ...rest),
  });
  let made = 0;
  return {
    ...edits,
    provider,
    takePosition: () => Promise.resolve(proxy.clear()),
    async newCalendar() {
      made += 1;
      const { pathname } = new URL(await client.makeCalendar(`room-${made}`));
      const id = new URL(pathname, proxy.url).href;
      return { access: credential, calendar: { id, timeZone: 'Europe/Paris' } };
    },
    loseCursor: null,
    fault: (fault) => Promise.resolve(proxy.fault(fault)),
    requests: () => Promise.resolve(proxy.requests()),
    async close() {
      await outbound.close();
      await proxy.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The Python with both servers, or what to do about its absence, which continuous integration fails for. */
export async function pythonWithServers(): Promise<{ python: string } | { missing: string }> {
  try {
    return { python: await installDavServers({ say: (line) => console.log(line) }) };
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return { missing: (error as Error).message };
  }
}

interface Place {
  python: string;
  folder: string;
}

async function startServer(name: RealServer, { python, folder }: Place) {
  const port = await freePort();
  const args = name === 'radicale' ? await radicale(folder, port) : xandikos(folder, port);
  const child = spawn(python, ['-m', name, ...args], { cwd: folder, stdio: 'ignore' });
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
  };
  const until = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(url))) {
    if (Date.now() > until || child.exitCode !== null) {
      await stop();
      throw new Error(`${name} did not start; run \`${python} -m ${name}\` to see why.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { method: 'OPTIONS', signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  }
}

async function radicale(folder: string, port: number): Promise<string[]> {
  const users = join(folder, 'users');
  const config = join(folder, 'config');
  await writeFile(users, `${USERNAME}:${PASSWORD}\n`);
  const lines = [
    '[server]',
    `hosts = 127.0.0.1:${port}`,
    '[auth]',
    'type = htpasswd',
    `htpasswd_filename = ${users}`,
    'htpasswd_encryption = plain',
    '[storage]',
    `filesystem_folder = ${join(folder, 'store')}`,
    '[logging]',
    'level = warning',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  return ['--config', config];
}

/** Xandikos knows no passwords; whoever asks is its one user. */
const xandikos = (folder: string, port: number): string[] => [
  '-d',
  join(folder, 'store'),
  '--defaults',
  '--listen-address',
  '127.0.0.1',
  '--port',
  String(port),
];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
