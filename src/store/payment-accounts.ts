import type { Database } from './database.ts';
import type { Tx } from './transactions.ts';
import { appendEntry } from './transactions.ts';

/** A tenant's account at a payment service, without its secrets. */
export interface PaymentAccountView {
  id: string;
  service: string;
  createdAt: Date;
}

const VIEW = { id: true, service: true, createdAt: true } as const;

/** `sealed` is JSON for the place `[tenantId, 'payment_account', id]`. */
export async function createPaymentAccount(
  tx: Tx,
  input: { tenantId: string; id: string; service: string; sealed: Uint8Array<ArrayBuffer> },
): Promise<PaymentAccountView> {
  const account = await tx.paymentAccount.create({ data: input, select: VIEW });
  await appendEntry(tx, {
    tenantId: input.tenantId,
    subject: `payment-account/${input.id}`,
    seq: 1n,
    type: 'payment-account.created',
    data: { service: input.service },
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
  { tenantId, accountId }: { tenantId: string; accountId: string },
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
  event: { tenantId: string; accountId: string; eventId: string },
): Promise<boolean> {
  const { rowCount } = await database.pool.query(
    `INSERT INTO payment_event (tenant_id, payment_account_id, event_id) VALUES ($1, $2, $3)
     ON CONFLICT DO NOTHING`,
    [event.tenantId, event.accountId, event.eventId],
  );
  return rowCount === 1;
}
