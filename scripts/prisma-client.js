/** Generates the Prisma client into `src/store/generated` when the schema is newer than it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} node the Node to run Prisma with. */
export async function ensurePrismaClient(root, node) {
  const schema = join(root, 'prisma', 'schema.prisma');
  const stamp = join(root, 'src', 'store', 'generated', 'made-from');
  if (!existsSync(schema)) return;
  const prisma = JSON.parse(readFileSync(join(root, 'node_modules/prisma/package.json'), 'utf8'));
  const source = createHash('sha256')
    .update(`${prisma.version}\n`)
    .update(readFileSync(schema))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === source) return;
  await generate(root, node);
  writeFileSync(stamp, source);
}

function generate(root, node) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [join(root, 'node_modules/prisma/build/index.js'), 'generate'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Naming any file as the schema engine keeps Prisma from downloading one; it runs none here.
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: node, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) return resolve();
      return reject(new Error(`The Prisma client could not be generated:\n${output.trim()}`));
    });
  });
}
