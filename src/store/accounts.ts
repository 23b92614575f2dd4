import type { Database } from './database.ts';
import type { Account } from './generated/client.ts';
import type { Tx } from './transactions.ts';
import { appendEntry } from './transactions.ts';

/** An account without its credential. */
export type AccountView = Pick<
  Account,
  'id' | 'channel' | 'subject' | 'state' | 'createdAt' | 'calendarsCheckedAt'
>;

export interface NewAccount {
  tenantId: string;
  id: string;
  channel: string;
  /** The channel's own id of the account. */
  subject: string | null;
  /** Sealed for the place `[tenantId, 'account', id]`. */
  credential: Uint8Array<ArrayBuffer>;
}

const VIEW = {
  id: true,
  channel: true,
  subject: true,
  state: true,
  createdAt: true,
  calendarsCheckedAt: true,
} as const;

export async function createAccount(tx: Tx, input: NewAccount): Promise<AccountView> {
  const account = await tx.account.create({ data: input, select: VIEW });
  await appendEntry(tx, {
    tenantId: input.tenantId,
    subject: `account/${input.id}`,
    seq: 1n,
    type: 'account.created',
    data: { channel: input.channel },
  });
  return account;
}

/** The account that is this owner's already; from here on nobody else can make it one. */
export async function accountOfSubject(
  tx: Tx,
  { tenantId, channel, subject }: { tenantId: string; channel: string; subject: string },
): Promise<string | null> {
  const owner = `${channel}/${subject}`;
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(lock_key(${tenantId}, 'account-of', ${owner}))`;
  const account = await tx.account.findFirst({
    where: { tenantId, channel, subject },
    orderBy: { id: 'asc' },
    select: { id: true },
  });
  return account?.id ?? null;
}

export type Reauthorized = { kind: 'reauthorized' | 'missing' | 'other-subject' };

/**
 * Gives an account a new credential, and brings its connections back to where they stood. One of
 * somebody else is refused, and one that tells nobody where a name is known: it would swap calendars.
 */
export async function reauthorizeAccount(tx: Tx, input: NewAccount): Promise<Reauthorized> {
  const { tenantId, id, channel, subject, credential } = input;
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(lock_key(${tenantId}, 'account', ${id}))`;
  const where = { tenantId_id: { tenantId, id }, channel };
  const now = await tx.account.findUnique({ where, select: { subject: true } });
  if (!now) return { kind: 'missing' };
  if (now.subject !== null && now.subject !== subject) return { kind: 'other-subject' };
  await tx.$executeRaw`SELECT lock_connection(tenant_id, id) FROM (SELECT tenant_id, id FROM connection
    WHERE tenant_id = ${tenantId} AND account_id = ${id} AND disconnected_at IS NULL
    ORDER BY id OFFSET 0) AS c`;
  await tx.$executeRaw`
    WITH back AS (
      UPDATE connection SET status = 'lagging', status_reason = 'reauthorized', dirty = true,
        status_since = clock_timestamp(), dirty_at = clock_timestamp(), seq = seq + 1
      WHERE tenant_id = ${tenantId} AND account_id = ${id} AND disconnected_at IS NULL
        AND status = 'needs-reauthorization'
      RETURNING id, seq
    ) SELECT append_entry(${tenantId}, 'connection/' || id, seq, 'connection.lagging',
        '{"reason": "reauthorized"}') FROM back`;
  await tx.account.update({
    where,
    data: { credential, subject, state: 'active', credentialVersion: { increment: 1 } },
  });
  const seq = await nextSeq(tx, tenantId, `account/${id}`);
  const data = { channel };
  await appendEntry(tx, {
    tenantId,
    subject: `account/${id}`,
    seq,
    type: 'account.reauthorized',
    data,
  });
  return { kind: 'reauthorized' };
}

/** An account has no counter of its own; its locked row makes the journal's last number safe. */
async function nextSeq(tx: Tx, tenantId: string, subject: string): Promise<bigint> {
  const last = await tx.journal.findFirst({
    where: { tenantId, subject },
    orderBy: { seq: 'desc' },
    select: { seq: true },
  });
  return (last?.seq ?? 0n) + 1n;
}

export const findAccount = (
  database: Database,
  { tenantId, accountId }: { tenantId: string; accountId: string },
): Promise<AccountView | null> =>
  database.prisma.account.findUnique({
    where: { tenantId_id: { tenantId, id: accountId } },
    select: VIEW,
  });

export const listAccounts = (
  database: Database,
  page: { tenantId: string; after: string | undefined; limit: number },
): Promise<AccountView[]> =>
  database.prisma.account.findMany({
    where: { tenantId: page.tenantId, id: { gt: page.after ?? '' } },
    orderBy: { id: 'asc' },
    take: page.limit,
    select: VIEW,
  });
