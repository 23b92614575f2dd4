/**
 * `npm run key -- --tenant NAME [--scopes a,b] [--label TEXT] [--revoke KEY_ID]
 * [--reads N] [--writes N]`: an API key for a tenant, which is made when it is new. The key is printed
 * once and stored hashed. `--reads` and `--writes` are its own limits, in requests a minute.
 */
import { parseArgs } from 'node:util';
import { SCOPES } from '../src/api/auth.ts';
import { openDatabase } from '../src/store/database.ts';
import type { Database } from '../src/store/database.ts';
import { createKey } from '../src/store/keys.ts';
import { findRunning } from './running.ts';

const { values } = parseArgs({
  options: {
    tenant: { type: 'string' },
    scopes: { type: 'string', default: SCOPES.join(',') },
    label: { type: 'string', default: 'npm run key' },
    revoke: { type: 'string' },
    reads: { type: 'string' },
    writes: { type: 'string' },
  },
});

async function main(): Promise<string> {
  const tenantId = values.tenant ?? '';
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(tenantId))
    throw new Error('Say which tenant: npm run key -- --tenant NAME (letters, digits, _ or -).');
  const scopes = values.scopes.split(',').map((scope) => scope.trim());
  const unknown = scopes.filter((scope) => !SCOPES.some((known) => known === scope));
  if (unknown.length > 0)
    throw new Error(`No such scope: ${unknown.join(', ')}. There are: ${SCOPES.join(', ')}.`);
  const readsPerMinute = limitOf('reads', values.reads);
  const writesPerMinute = limitOf('writes', values.writes);
  const url = process.env['DATABASE_URL'] ?? findRunning().databaseUrl;
  const database = openDatabase({ url, poolSize: 2 });
  try {
    if (values.revoke !== undefined) return await revoke(database, tenantId, values.revoke);
    const where = { id: tenantId };
    await database.prisma.tenant.upsert({
      where,
      create: { ...where, name: tenantId },
      update: {},
    });
    const { label } = values;
    return await createKey(database, { tenantId, label, scopes, readsPerMinute, writesPerMinute });
  } finally {
    await database.close();
  }
}

function limitOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new Error(`--${name} is a whole number of requests a minute, from 1 to 9,999,999.`);
  return Number(text);
}

/** The id is what stands between `hf_` and the next `_`. */
async function revoke(database: Database, tenantId: string, id: string): Promise<string> {
  const { count } = await database.prisma.apiKey.updateMany({
    where: { tenantId, id, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  if (count === 0) throw new Error(`Tenant ${tenantId} has no key ${id} in use.`);
  return `Key ${id} is revoked; it stops working within seconds.`;
}

/** Prisma's code of a server that does not answer. */
const isAway = (error: unknown) => (error as { code?: string } | null)?.code === 'P1001';

main().then(
  (line) => console.log(line),
  (error: unknown) => {
    const away = 'The database does not answer: run npm start first, or set DATABASE_URL.';
    console.error(isAway(error) ? away : error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
