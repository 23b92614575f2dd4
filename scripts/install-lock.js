/** One process at a time brings packages and generated code; the others wait for it. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST_WAIT_MS = 15 * 60_000;

export async function withInstallLock(root, work) {
  const file = join(root, '.holdfast', 'install.lock');
  mkdirSync(join(root, '.holdfast'), { recursive: true });
  await take(file);
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

async function take(file) {
  const deadline = Date.now() + LONGEST_WAIT_MS;
  let said = false;
  // Written first and linked into place, so that nobody ever reads an empty lock.
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  for (;;) {
    try {
      linkSync(own, file);
      rmSync(own);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = readHolder(file);
    if (!isAlive(holder)) {
      removeStale(file, holder);
      continue;
    }
    if (Date.now() > deadline) {
      rmSync(own);
      throw new Error(`Process ${holder} has been installing for long. End it, or remove ${file}.`);
    }
    if (!said) console.log(`Waiting for process ${holder}, which is installing here.`);
    said = true;
    await sleep(250);
  }
}

function readHolder(file) {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

/** Moved aside before it is removed: between the look and the act, another may have taken it. */
function removeStale(file, holder) {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
    if (readHolder(aside) !== holder) linkSync(aside, file);
    rmSync(aside);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
