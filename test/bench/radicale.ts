import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installDavServers } from '../../scripts/dav-servers.ts';
import { until } from './measure.ts';

const run = promisify(execFile);
const VDIRSYNCER_VERSION = '0.21.0';
const INSTALL_TIMEOUT_MS = 5 * 60_000;
export const USERNAME = 'owner';
export const PASSWORD = 'app-password';

export interface Radicale {
  url: string;
  calendarUrl: string;
  python: string;
  stop(): Promise<void>;
}

/** Radicale with a calendar whose objects were written into its storage: a PUT each takes minutes. */
export async function startRadicale(
  folder: string,
  { port, objects }: { port: number; objects: readonly { name: string; ics: string }[] },
): Promise<Radicale> {
  const python = await installDavServers({ say: (line) => console.error(line) });
  const calendar = join(folder, 'store', 'collection-root', USERNAME, 'room');
  await mkdir(calendar, { recursive: true });
  await writeFile(
    join(calendar, '.Radicale.props'),
    '{"tag": "VCALENDAR", "D:displayname": "Room", "C:supported-calendar-component-set": "VEVENT"}',
  );
  for (const { name, ics } of objects) await writeFile(join(calendar, name), ics);
  const config = join(folder, 'config');
  await writeFile(config, configText(folder, port));
  const child = spawn(python, ['-m', 'radicale', '--config', config], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    const what = `${python} -m radicale answers`;
    await until(() => answers(url), { what, timeoutMs: 30_000 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, calendarUrl: `${url}/${USERNAME}/room/`, python, stop };
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { method: 'OPTIONS', signal: AbortSignal.timeout(1_000) }).then(
    () => true,
    () => false,
  );

/** Any password will do: hashing one at every request would be measured instead. */
const configText = (folder: string, port: number): string =>
  [
    '[server]',
    `hosts = 127.0.0.1:${port}`,
    '[auth]',
    'type = none',
    '[storage]',
    `filesystem_folder = ${join(folder, 'store')}`,
    '[logging]',
    'level = error',
    '',
  ].join('\n');

/** A client that keeps a copy in files. `pair` is a fresh one; `sync` brings it up to date. */
export async function vdirsyncer({ python, url }: Radicale, folder: string) {
  await ensureInstalled(python);
  return {
    async pair(name: string): Promise<{ sync: () => Promise<void> }> {
      const place = join(folder, name);
      await mkdir(place, { recursive: true });
      const config = join(place, 'config');
      await writeFile(config, pairText(place, url));
      const ask = (...args: string[]) => run(python, ['-m', 'vdirsyncer', '-c', config, ...args]);
      const discovered = ask('discover', 'pair');
      // It asks whether to make the local side.
      discovered.child.stdin?.end('y\ny\n');
      await discovered;
      return { sync: async () => void (await ask('sync')) };
    },
  };
}

async function ensureInstalled(python: string): Promise<void> {
  const has = await run(python, ['-c', 'import vdirsyncer']).then(
    () => true,
    () => false,
  );
  if (has) return;
  console.error(`Installing vdirsyncer ${VDIRSYNCER_VERSION} beside Radicale.`);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await run(python, [...pip, `vdirsyncer==${VDIRSYNCER_VERSION}`], { timeout: INSTALL_TIMEOUT_MS });
}

const pairText = (place: string, url: string): string =>
  [
    '[general]',
    `status_path = "${join(place, 'status')}"`,
    '[pair pair]',
    'a = "local"',
    'b = "remote"',
    'collections = ["room"]',
    'conflict_resolution = "b wins"',
    '[storage local]',
    'type = "filesystem"',
    `path = "${join(place, 'calendars')}"`,
    'fileext = ".ics"',
    '[storage remote]',
    'type = "caldav"',
    `url = "${url}/"`,
    `username = "${USERNAME}"`,
    `password = "${PASSWORD}"`,
    '',
  ].join('\n');
