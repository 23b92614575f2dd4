import type { BookingRef } from '../commands.ts';
import { findBrowserPayment } from '../store/browser-payments.ts';
import type { ApiDependencies } from './dependencies.ts';
import { openAccount } from './payment-secrets.ts';

/** What a payer's browser needs to confirm one payment; never the secret key. */
export interface BrowserKeys {
  clientSecret: string;
  publishableKey: string | null;
  connectedAccount: string | null;
}

/** Null when no payment of the booking waits for its payer. */
export async function browserKeysOf(
  deps: Pick<ApiDependencies, 'database' | 'vault'>,
  ref: BookingRef,
): Promise<BrowserKeys | null> {
  const found = await findBrowserPayment(deps.database, ref);
  if (!found) return null;
  const { tenantId, bookingId } = ref;
  const row = found.n === 1 ? bookingId : `${bookingId}:${found.n}`;
  const place = [tenantId, 'payment.client_secret', row] as const;
  const account = { tenantId, accountId: found.accountId };
  const { publishableKey, connectedAccount } = openAccount(deps, account, found.sealedAccount);
  const clientSecret = deps.vault.open(place, found.sealedClientSecret);
  return { clientSecret, publishableKey, connectedAccount };
}
