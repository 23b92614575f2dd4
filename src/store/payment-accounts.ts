import type { Database } from './database.ts';
import type { Tx } from './transactions.ts';
import { appendEntry } from './transactions.ts';

/** A tenant's account at a payment service, without its secrets. */
export interface PaymentAccountView {
  id: string;
  service: string;
  createdAt: Date;
}

export interface PaymentAccountRef {
  tenantId: string;
  accountId: string;
}

const VIEW = { id: true, service: true, createdAt: true } as const;

/** `sealed` is JSON for the place `[tenantId, 'payment_account', id]`. Null when the id is taken. */
export async function createPaymentAccount(
  tx: Tx,
  input: { tenantId: string; id: string; service: string; sealed: Uint8Array<ArrayBuffer> },
): Promise<PaymentAccountView | null> {
  const [account] = await tx.paymentAccount.createManyAndReturn({
    data: [input],
    select: VIEW,
    skipDuplicates: true,
  });
  if (!account) return null;
  await appendEntry(tx, {
    tenantId: input.tenantId,
    subject: `payment-account/${input.id}`,
    seq: 1n,
    type: 'payment-account.created',
    data: { service: input.service },
  });
  return account;
}

/** Seals an account's secrets anew; `replaced` names them for the journal. Null when it is missing. */
export async function replaceSecrets(
  tx: Tx,
  { tenantId, accountId }: PaymentAccountRef,
  change: { replaced: string[]; seal: (before: Uint8Array) => Uint8Array<ArrayBuffer> },
): Promise<PaymentAccountView | null> {
  await tx.$executeRaw`
    SELECT pg_advisory_xact_lock(lock_key(${tenantId}, 'payment-account', ${accountId}))`;
  const where = { tenantId_id: { tenantId, id: accountId } };
  const now = await tx.paymentAccount.findUnique({ where, select: { sealed: true } });
  if (!now) return null;
  const sealed = change.seal(now.sealed);
  const account = await tx.paymentAccount.update({ where, data: { sealed }, select: VIEW });
  const subject = `payment-account/${accountId}`;
  // It has no counter of its own; under the lock the journal's last number is safe.
  const { _max } = await tx.journal.aggregate({
    where: { tenantId, subject },
    _max: { seq: true },
  });
  await appendEntry(tx, {
    tenantId,
    subject,
    seq: (_max.seq ?? 0n) + 1n,
    type: 'payment-account.changed',
    data: { replaced: change.replaced },
  });
  return account;
}

export const listPaymentAccounts = (
  database: Database,
  page: { tenantId: string; after: string | undefined; limit: number },
): Promise<PaymentAccountView[]> =>
  database.prisma.paymentAccount.findMany({
    where: { tenantId: page.tenantId, id: { gt: page.after ?? '' } },
    orderBy: { id: 'asc' },
    take: page.limit,
    select: VIEW,
  });

/** The account named, or the only one; null when there is none or the choice is open. */
export async function choosePaymentAccount(
  database: Database,
  { tenantId, accountId }: { tenantId: string; accountId: string | undefined },
): Promise<string | null> {
  const { rows } = await database.pool.query<{ id: string }>({
    name: 'choose-payment-account',
    text: `SELECT id FROM payment_account WHERE tenant_id = $1 AND ($2::text IS NULL OR id = $2)
            ORDER BY id LIMIT 2`,
    values: [tenantId, accountId ?? null],
  });
  return rows.length === 1 ? rows[0]!.id : null;
}

export async function sealedPaymentAccount(
  database: Database,
  { tenantId, accountId }: PaymentAccountRef,
): Promise<Uint8Array | null> {
  const row = await database.prisma.paymentAccount.findUnique({
    where: { tenantId_id: { tenantId, id: accountId } },
    select: { sealed: true },
  });
  return row?.sealed ?? null;
}

/** Records a signed event; false when it was recorded before. */
export async function recordPaymentEvent(
  database: Database,
  event: PaymentAccountRef & { eventId: string },
): Promise<boolean> {
  const { rowCount } = await database.pool.query(
    `INSERT INTO payment_event (tenant_id, payment_account_id, event_id) VALUES ($1, $2, $3)
     ON CONFLICT DO NOTHING`,
    [event.tenantId, event.accountId, event.eventId],
  );
  return rowCount === 1;
}
