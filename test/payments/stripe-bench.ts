import { randomUUID } from 'node:crypto';
import { createStripeProvider } from '../../src/payments/stripe.ts';
import type { PaymentAccess, PaymentProvider } from '../../src/payments/payment-provider.ts';
import { startEmulators } from '../../src/emulators/server.ts';
import { controlOf } from '../laws/google-bench.ts';
import type { Control } from '../laws/google-bench.ts';

export interface LedgerLine {
  status: string;
  authorizations: number;
  captures: number;
  refunds: number;
  capturedMinor: number;
  refundedMinor: number;
  releasedMinor: number;
}

export interface StripeBench {
  url: string;
  provider: PaymentProvider;
  access: PaymentAccess;
  control: Control;
  /** A new booking's act, with keys and names of its own. */
  booking(): StripeBooking;
  close(): Promise<void>;
}

export interface StripeBooking {
  bookingId: string;
  key(step: string, n?: number): string;
  create(): Promise<string>;
  /** Created and authorized. */
  authorized(): Promise<string>;
  /** Created, authorized and captured. */
  captured(): Promise<string>;
  /** What Stripe itself says was done for the booking, one line per intent. */
  ledger(): Promise<LedgerLine[]>;
}

export const AMOUNT_MINOR = 12_000;

/** The Stripe provider at the Stripe emulator, in this process. */
export async function openStripeBench(): Promise<StripeBench> {
  const emulators = await startEmulators({ port: 0 });
  const control = controlOf(emulators.url);
  const access = { secretKey: 'sk_test_holdfast', connectedAccount: null };
  await control('PUT', 'stripe/accounts/acct_1', { secretKey: access.secretKey });
  const provider = createStripeProvider({ apiUrl: emulators.url, timeoutMs: 1_000 });
  return {
    url: emulators.url,
    provider,
    access,
    control,
    booking: () => bookingOf({ provider, access, control }),
    close: () => emulators.close(),
  };
}

function bookingOf({
  provider,
  access,
  control,
}: Pick<StripeBench, 'provider' | 'access' | 'control'>): StripeBooking {
  const bookingId = randomUUID();
  const key = (step: string, n = 0) => `${bookingId}:${step}:${n}`;
  const create = async () => {
    const amount = { amountMinor: AMOUNT_MINOR, currency: 'eur' };
    const ids = { bookingId, tenantId: 'tenant-1', customerId: null };
    return (await provider.create({ access, key: key('create'), ...amount, ...ids })).intentId;
  };
  const authorized = async () => {
    const intentId = await create();
    const method = { paymentMethod: 'pm_card_visa', returnUrl: null };
    await provider.confirm({ access, key: key('authorize'), intentId, ...method });
    return intentId;
  };
  return {
    bookingId,
    key,
    create,
    authorized,
    async captured() {
      const intentId = await authorized();
      const amount = { amountMinor: AMOUNT_MINOR };
      await provider.capture({ access, key: key('capture'), intentId, ...amount });
      return intentId;
    },
    async ledger() {
      const path = `stripe/ledger?metadata[booking_id]=${bookingId}`;
      return ((await control('GET', path)) as { intents: LedgerLine[] }).intents;
    },
  };
}
