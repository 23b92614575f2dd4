import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createBrotliDecompress } from 'node:zlib';
import { chromium, type Browser } from 'playwright-core';

type Found = { path: string; env?: Record<string, string> };

/**
 * A real Chromium: the one that `CHROME_PATH` names, on Linux x64 the one among the packages, else
 * one that is installed.
 * @throws with all that was tried, where none starts.
 */
export async function openBrowser(): Promise<Browser> {
  const told: string[] = [];
  for (const candidate of [named, bundled, installed]) {
    try {
      const found = await candidate();
      if (found) return await launch(found);
      told.push(`${candidate.name}: none`);
    } catch (error) {
      told.push(`${candidate.name}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  throw new Error(`no Chromium: install Chrome, or set CHROME_PATH (${told.join('; ')})`);
}

const launch = ({ path, env }: Found): Promise<Browser> =>
  chromium.launch({
    executablePath: path,
    args: ['--disable-gpu', '--disable-background-networking', '--disable-sync', '--no-first-run'],
    // Root, as in containers, has no sandbox; the pages are our own.
    chromiumSandbox: false,
    env: { ...(process.env as Record<string, string>), ...env },
  });

async function named(): Promise<Found | null> {
  const path = process.env['CHROME_PATH'];
  return path ? { path } : null;
}

const NAMES = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser'];
const ON_A_MAC = ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
  (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
);

async function installed(): Promise<Found | null> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const inPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const path = [...inPath, ...ON_A_MAC].find((one) => existsSync(one));
  return path ? { path } : null;
}

const VERSION = '153.0.0';

/** Unpacked once, outside the clone, so that clones share it and a fresh install leaves it there. */
async function bundled(): Promise<Found | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const packed = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '../bin');
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'holdfast', `chromium-${VERSION}`);
  if (!existsSync(folder)) await unpack(packed, folder);
  return {
    path: join(folder, 'chromium'),
    env: {
      LD_LIBRARY_PATH: join(folder, 'lib'),
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    },
  };
}

/** Under a temporary name until it is whole: a run that is killed half way leaves nothing to trip over. */
async function unpack(packed: string, folder: string): Promise<void> {
  const half = `${folder}.${process.pid}`;
  await mkdir(half, { recursive: true });
  await inflate(join(packed, 'chromium.br'), join(half, 'chromium'));
  for (const name of ['al2023', 'fonts']) {
    const tar = join(half, `${name}.tar`);
    await inflate(join(packed, `${name}.tar.br`), tar);
    await promisify(execFile)('tar', ['-xf', tar, '-C', half]);
    await rm(tar);
  }
  const fonts = `<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/cache</cachedir></fontconfig>`;
  await writeFile(join(half, 'fonts.conf'), `<?xml version="1.0"?>\n${fonts}\n`);
  try {
    await rename(half, folder);
  } catch (error) {
    // Another run was quicker.
    await rm(half, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

const inflate = (from: string, to: string): Promise<void> =>
  pipeline(
    createReadStream(from),
    createBrotliDecompress(),
    createWriteStream(to, { mode: 0o755 }),
  );
