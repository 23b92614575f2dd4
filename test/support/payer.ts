import { randomUUID } from 'node:crypto';
import { until, type Holdfast } from './holdfast.ts';

/** A payment account whose service reports events, and the payer at its browser. */
export interface BrowserAccount {
  id: string;
  /** The service's own id of the account. */
  service: string;
  publishableKey: string;
  webhookSecret: string;
}

export async function addBrowserAccount(holdfast: Holdfast): Promise<BrowserAccount> {
  const secretKey = `sk_test_${randomUUID().replaceAll('-', '')}`;
  const publishableKey = `pk_test_${randomUUID().replaceAll('-', '')}`;
  const webhookSecret = `whsec_${randomUUID().replaceAll('-', '')}`;
  const service = `acct_${randomUUID().slice(0, 8)}`;
  await holdfast.control('PUT', `/stripe/accounts/${service}`, { secretKey, publishableKey });
  const id = `p-${randomUUID().slice(0, 8)}`;
  const answer = await holdfast.call('POST', '/payment-accounts', {
    id,
    service: 'stripe',
    secretKey,
    publishableKey,
    webhookSecret,
  });
  if (answer.status !== 201) throw new Error(`payment account: ${JSON.stringify(answer.body)}`);
  const { webhookUrl } = answer.body as { webhookUrl: string };
  await holdfast.control('PUT', `/stripe/accounts/${service}`, { webhookUrl, webhookSecret });
  return { id, service, publishableKey, webhookSecret };
}

export interface Intent {
  id: string;
  status: string;
  client_secret: string;
  metadata: Record<string, string>;
}

/** The intent of a booking, once there is one. */
export async function intentOf(holdfast: Holdfast, bookingId: string): Promise<Intent> {
  const { intents } = await until(
    () => holdfast.control<{ intents: Intent[] }>('GET', '/stripe/intents'),
    ({ intents: all }) => all.some((one) => one.metadata['booking_id'] === bookingId),
  );
  return intents.find((one) => one.metadata['booking_id'] === bookingId)!;
}

/** What payer, bank and time do to it: `confirm-as-customer`, `authenticate`, `settle-processing`… */
export const does = (
  holdfast: Holdfast,
  intent: { id: string },
  deed: string,
  body: Record<string, unknown> = {},
): Promise<{ intent: Intent }> =>
  holdfast.control('POST', `/stripe/intents/${intent.id}/${deed}`, body);

/** The payer confirms in the browser with a card, by the client secret alone. */
export async function payerConfirms(
  holdfast: Holdfast,
  bookingId: string,
  paymentMethod = 'pm_card_visa',
): Promise<Intent> {
  const { body } = await holdfast.call('GET', `/bookings/${bookingId}`);
  const { clientSecret } = body.payment as { clientSecret: string };
  const [id] = clientSecret.split('_secret_');
  const { intent } = await does(holdfast, { id: id! }, 'confirm-as-customer', {
    clientSecret,
    paymentMethod,
  });
  return intent;
}

/** Withholds, doubles, delays, drops or forges events on their way; see the emulator's control. */
export const webhookFault = (holdfast: Holdfast, fault: Record<string, unknown>) =>
  holdfast.control('POST', '/stripe/webhook-faults', fault);

export const liftWebhookFaults = (holdfast: Holdfast) =>
  holdfast.control('DELETE', '/stripe/webhook-faults');
