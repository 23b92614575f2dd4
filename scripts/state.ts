/** What `npm start` keeps in `.holdfast/`, and where. */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { freePort, isPortFree } from './ports.ts';
import { removePostgresData } from './postgres-place.ts';

const REMEMBERED_PORTS = ['postgres', 'temporal', 'emulators', 'worker', 'shop'] as const;
const KEPT_WHEN_FRESH = new Set(['supervisor.json', 'install.lock']);
const LOG_LIMIT_BYTES = 20 * 1024 * 1024;

export type RememberedPorts = Record<(typeof REMEMBERED_PORTS)[number], number>;

export interface StateFiles {
  folder: string;
  postgres: string;
  temporalDb: string;
  emulators: string;
  keyring: string;
  ports: string;
  lock: string;
  /** One file for each process that runs. */
  processes: string;
  log: (name: string) => string;
}

export function stateFiles(root: string): StateFiles {
  const folder = join(root, '.holdfast');
  mkdirSync(join(folder, 'logs'), { recursive: true });
  mkdirSync(join(folder, 'processes'), { recursive: true });
  return {
    folder,
    postgres: join(folder, 'postgres'),
    temporalDb: join(folder, 'temporal.db'),
    emulators: join(folder, 'emulators'),
    keyring: join(folder, 'keyring'),
    ports: join(folder, 'ports.json'),
    lock: join(folder, 'supervisor.json'),
    processes: join(folder, 'processes'),
    log: (name) => join(folder, 'logs', `${name}.log`),
  };
}

/** Free ports, the same ones at every start unless somebody else took one meanwhile. */
export async function rememberedPorts(files: StateFiles): Promise<RememberedPorts> {
  const known = existsSync(files.ports)
    ? (JSON.parse(readFileSync(files.ports, 'utf8')) as Partial<RememberedPorts>)
    : {};
  const ports: Partial<RememberedPorts> = {};
  for (const name of REMEMBERED_PORTS) {
    const before = known[name];
    ports[name] = before && (await isPortFree(before)) ? before : await freePort();
  }
  writeFileSync(files.ports, `${JSON.stringify(ports, null, 2)}\n`);
  return ports as RememberedPorts;
}

/** The key that seals credentials, made once: `HOLDFAST_KEYRING` in its own format. */
export function keyring(files: StateFiles): string {
  if (!existsSync(files.keyring)) {
    writeFileSync(files.keyring, `local:${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  }
  return readFileSync(files.keyring, 'utf8').trim();
}

/** Nothing of ours may run. */
export async function removeState(files: StateFiles) {
  await removePostgresData(files.postgres);
  for (const name of readdirSync(files.folder).filter((entry) => !KEPT_WHEN_FRESH.has(entry))) {
    rmSync(join(files.folder, name), { recursive: true, force: true });
  }
  mkdirSync(join(files.folder, 'logs'), { recursive: true });
  mkdirSync(files.processes, { recursive: true });
}

/** Keeps one older log beside the current one, so that neither grows without end. */
export function rotateLog(file: string) {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) {
    renameSync(file, `${file}.1`);
  }
}
