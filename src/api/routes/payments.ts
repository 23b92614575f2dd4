import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import type { PaymentAccountRef, PaymentAccountView } from '../../store/payment-accounts.ts';
import {
  createPaymentAccount,
  listPaymentAccounts,
  replaceSecrets,
  sealedPaymentAccount,
} from '../../store/payment-accounts.ts';
import { change } from '../../store/transactions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { onPaymentEvent } from '../payment-events.ts';
import { openAccount, sealAccount } from '../payment-secrets.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import {
  NewPaymentAccount,
  PaymentAccount,
  PaymentAccountPage,
  PaymentAccountPatch,
} from '../schemas/booking.ts';
import { Id, pageQuery } from '../schemas/common.ts';

const tag = 'Payments';
const WEBHOOK_BYTES = 256 * 1024;

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
      const { id, service, ...secrets } = input.body;
      return createOnce(input, deps, {
        prepare: async () => sealAccount(deps, { tenantId, accountId: id }, secrets),
        create: async (tx, bytes) => {
          const row = { tenantId, id, service, sealed: bytes };
          const account = await createPaymentAccount(tx, row);
          if (!account) throw new Problem('already-exists');
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
    method: 'patch',
    path: '/v1/payment-accounts/{paymentAccountId}',
    id: 'changePaymentAccount',
    tag,
    summary: "Replace a payment account's keys",
    about:
      'What is left out stays. Payments under way go on with the new key; from now on events are taken by the new webhook secret alone.',
    scopes: ['admin'],
    params: z.strictObject({ paymentAccountId: Id }),
    body: PaymentAccountPatch,
    bodyExample: { secretKey: 'sk_…' },
    answer: { status: 200, about: 'Replaced.', schema: PaymentAccount },
    problems: ['not-found'],
    async handle({ caller, params, body }, deps) {
      const { tenantId } = caller;
      const ref = { tenantId, accountId: params.paymentAccountId };
      const given = Object.entries(body).filter(([, value]) => value !== undefined);
      const account = await change(deps.database, (tx) =>
        replaceSecrets(tx, ref, {
          replaced: given.map(([name]) => name),
          seal: (before) =>
            sealAccount(deps, ref, {
              ...openAccount(deps, ref, before),
              ...Object.fromEntries(given),
            }),
        }),
      );
      if (!account) throw notFound('payment account');
      return { body: show(account, tenantId, deps) };
    },
  }),
  route({
    method: 'post',
    path: '/v1/payment-webhooks/{tenantId}/{accountId}',
    id: 'receivePaymentEvent',
    tag: 'Inbound',
    summary: 'Where a payment service reports events',
    about:
      "For the payment service, not for you. Signed by the account's webhook secret; an account that does not exist or has no secret is answered like a wrong signature, so that nothing is learnt here.",
    scopes: null,
    rawBodyBytes: WEBHOOK_BYTES,
    params: z.strictObject({ tenantId: Id, accountId: Id }),
    answer: {
      status: 200,
      about:
        'Handed on or marked, and recorded; or it was before. Nothing it says is believed: the payment is read.',
      schema: null,
    },
    problems: ['signature-refused', 'body-too-large'],
    async handle({ params, rawBody, headers }, deps) {
      const webhookSecret = await webhookSecretOf(params, deps);
      const signature = headers['stripe-signature'];
      const nowAt = deps.now();
      const event = verified(() =>
        deps.payments.verifyWebhook({ rawBody, signature, webhookSecret, nowAt }),
      );
      const { eventId } = event;
      if (!EVENT_ID.test(eventId))
        throw new Problem('invalid-request', { detail: 'The id of the event is no event id.' });
      await onPaymentEvent(deps, params, event);
      return {};
    },
  }),
];

/** Whoever holds the secret can sign, so that what is signed need not be the payment service's. */
const EVENT_ID = /^[\x21-\x7e]{1,255}$/;

/** The account's secret or, where there is none, one that nobody can sign with. */
async function webhookSecretOf(ref: PaymentAccountRef, deps: ApiDependencies): Promise<string> {
  const known = await sealedPaymentAccount(deps.database, ref);
  const nobodys = `whsec_${randomBytes(24).toString('hex')}`;
  const secrets = {
    secretKey: nobodys,
    publishableKey: null,
    webhookSecret: nobodys,
    connectedAccount: null,
  };
  // Done for both, so that the time of an answer does not tell either.
  const standIn = sealAccount(deps, ref, secrets);
  return openAccount(deps, ref, known ?? standIn).webhookSecret ?? nobodys;
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
