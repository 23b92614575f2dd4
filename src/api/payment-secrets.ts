import type { PaymentAccountRef } from '../store/payment-accounts.ts';
import type { ApiDependencies } from './dependencies.ts';

/** What a payment account's row seals, as JSON. */
export interface PaymentAccountSecrets {
  secretKey: string;
  /** Not secret at all: it goes to browsers. */
  publishableKey: string | null;
  webhookSecret: string | null;
  connectedAccount: string | null;
}

const placeOf = (ref: PaymentAccountRef) =>
  [ref.tenantId, 'payment_account', ref.accountId] as const;

export const sealAccount = (
  { vault }: Pick<ApiDependencies, 'vault'>,
  ref: PaymentAccountRef,
  secrets: PaymentAccountSecrets,
): Uint8Array<ArrayBuffer> => new Uint8Array(vault.seal(placeOf(ref), JSON.stringify(secrets)));

const ABSENT = { publishableKey: null, webhookSecret: null, connectedAccount: null };

export const openAccount = (
  { vault }: Pick<ApiDependencies, 'vault'>,
  ref: PaymentAccountRef,
  bytes: Uint8Array,
): PaymentAccountSecrets => ({
  ...ABSENT,
  ...(JSON.parse(vault.open(placeOf(ref), bytes)) as PaymentAccountSecrets),
});
