import type { Prisma } from './generated/client.ts';
import type { Database } from './database.ts';

/** One ordinary transaction, as Prisma gives it; hot statements use `transaction` on `pg`. */
export type Tx = Prisma.TransactionClient;

/** How long a lock is waited for; then PostgreSQL's `55P03` says that somebody is still at work. */
const LOCK_TIMEOUT_MS = 10_000;

/** Runs `work` in one transaction; any error rolls all of it back. */
export async function change<T>(database: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return database.prisma.$transaction(
    async (tx) => {
      await tx.$executeRaw`SELECT set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true)`;
      return work(tx);
    },
    { timeout: 14_000, maxWait: 10_000 },
  );
}

export interface Entry {
  tenantId: string;
  /** `<kind>/<id>`. */
  subject: string;
  /** From the subject's own row, which the transaction holds locked. */
  seq: bigint;
  type: string;
  data: Record<string, unknown>;
}

/** Appends the one journal entry of a change. */
export async function appendEntry(tx: Tx, entry: Entry): Promise<void> {
  const { tenantId, subject, seq, type } = entry;
  const data = JSON.stringify(entry.data);
  await tx.$executeRaw`
    SELECT append_entry(${tenantId}, ${subject}, ${seq}::bigint, ${type}, ${data}::jsonb)`;
}

/** Has a resource alone until the transaction ends; must come before its first write. */
export async function lockResource(tx: Tx, tenantId: string, resourceId: string): Promise<void> {
  await tx.$executeRaw`SELECT lock_resource(${tenantId}, ${resourceId}, true)`;
}
