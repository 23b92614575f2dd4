import { Failure } from '../../src/domain/failure.ts';
import type { PaymentAccess } from '../../src/payments/payment-provider.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Opens the account that a payment goes through. Throws `invalid` when there is none. */
export function openPaymentAccess(
  { vault }: Pick<ActivityDependencies, 'vault'>,
  tenantId: string,
  { accountId, sealedAccount }: { accountId: string | null; sealedAccount: Buffer | null },
): PaymentAccess {
  if (!sealedAccount || accountId === null)
    throw new Failure({ kind: 'invalid', code: 'no-payment-account' });
  const { secretKey, connectedAccount } = JSON.parse(
    vault.open([tenantId, 'payment_account', accountId], sealedAccount),
  ) as PaymentAccess;
  return { secretKey, connectedAccount: connectedAccount ?? null };
}
