import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import type { PaymentAccountView } from '../../store/payment-accounts.ts';
import {
  createPaymentAccount,
  listPaymentAccounts,
  recordPaymentEvent,
  sealedPaymentAccount,
} from '../../store/payment-accounts.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { NewPaymentAccount, PaymentAccount, PaymentAccountPage } from '../schemas/booking.ts';
import { Id, pageQuery } from '../schemas/common.ts';

const tag = 'Payments';
const WEBHOOK_BYTES = 256 * 1024;

/** What a payment account's row seals, as JSON. */
interface PaymentAccountSecrets {
  secretKey: string;
  webhookSecret: string | null;
  connectedAccount: string | null;
}

export const paymentRoutes = [
  route({
    method: 'post',
    path: '/v1/payment-accounts',
    id: 'createPaymentAccount',
    tag,
    summary: 'Add an account at a payment service',
    about:
      "The id is yours, so that the webhook's address is known before its secret is. Keys are sealed and never shown again.",
    scopes: ['admin'],
    idempotent: true,
    body: NewPaymentAccount,
    bodyExample: { id: 'main', service: 'stripe', secretKey: 'sk_…', webhookSecret: 'whsec_…' },
    answer: { status: 201, about: 'Added.', schema: PaymentAccount },
    problems: ['already-exists'],
    async handle(input, deps) {
      const { tenantId } = input.caller;
      const { id, service, secretKey, webhookSecret, connectedAccount } = input.body;
      return createOnce(input, deps, {
        prepare: async () => {
          const secrets: PaymentAccountSecrets = { secretKey, webhookSecret, connectedAccount };
          const place = [tenantId, 'payment_account', id] as const;
          return new Uint8Array(deps.vault.seal(place, JSON.stringify(secrets)));
        },
        create: async (tx, sealed) => {
          const account = await createPaymentAccount(tx, { tenantId, id, service, sealed });
          return { status: 201, body: show(account, tenantId, deps) };
        },
      });
    },
  }),
  route({
    method: 'get',
    path: '/v1/payment-accounts',
    id: 'listPaymentAccounts',
    tag,
    summary: 'List payment accounts',
    scopes: ['admin'],
    query: z.strictObject(pageQuery),
    answer: { status: 200, about: 'By id, without keys.', schema: PaymentAccountPage },
    problems: [],
    async handle({ caller, query }, deps) {
      const { tenantId } = caller;
      const { after, limit } = query;
      const rows = await listPaymentAccounts(deps.database, { tenantId, after, limit });
      const showOne = (row: PaymentAccountView) => show(row, tenantId, deps);
      return { body: pageOf(rows, { limit, keyOf: (row) => row.id, show: showOne }) };
    },
  }),
  route({
    method: 'post',
    path: '/v1/payment-webhooks/{tenantId}/{accountId}',
    id: 'receivePaymentEvent',
    tag: 'Inbound',
    summary: 'Where a payment service reports events',
    about: "For the payment service, not for you. Signed by the account's webhook secret.",
    scopes: null,
    rawBodyBytes: WEBHOOK_BYTES,
    params: z.strictObject({ tenantId: Id, accountId: Id }),
    answer: { status: 200, about: 'Recorded, or it was already.', schema: null },
    problems: ['not-found', 'signature-refused', 'body-too-large'],
    async handle({ params, rawBody, headers }, deps) {
      const { tenantId, accountId } = params;
      const webhookSecret = await webhookSecretOf(params, deps);
      const signature = headers['stripe-signature'];
      const nowAt = deps.now();
      const event = verified(() =>
        deps.payments.verifyWebhook({ rawBody, signature, webhookSecret, nowAt }),
      );
      await recordPaymentEvent(deps.database, { tenantId, accountId, eventId: event.eventId });
      return {};
    },
  }),
];

async function webhookSecretOf(
  ref: { tenantId: string; accountId: string },
  { database, vault }: ApiDependencies,
): Promise<string> {
  const sealed = await sealedPaymentAccount(database, ref);
  if (!sealed) throw notFound('payment account');
  const place = [ref.tenantId, 'payment_account', ref.accountId] as const;
  const { webhookSecret } = JSON.parse(vault.open(place, sealed)) as PaymentAccountSecrets;
  if (webhookSecret === null)
    throw new Problem('signature-refused', { detail: 'This account has no webhook secret.' });
  return webhookSecret;
}

function verified<T>(verify: () => T): T {
  try {
    return verify();
  } catch (error) {
    if (error instanceof Failure) throw new Problem('signature-refused');
    throw error;
  }
}

const show = (account: PaymentAccountView, tenantId: string, { config }: ApiDependencies) => ({
  ...account,
  createdAt: account.createdAt.toISOString(),
  webhookUrl: `${config.publicUrl}/v1/payment-webhooks/${tenantId}/${account.id}`,
});
