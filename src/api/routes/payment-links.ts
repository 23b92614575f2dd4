import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { findLinkedPayment } from '../../store/payment-links.ts';
import { opensPayment } from '../payment-link.ts';
import { openAccount } from '../payment-secrets.ts';
import { notFound } from '../problem.ts';
import { route } from '../route.ts';
import { Id, wholeNumber } from '../schemas/common.ts';
import { LinkedPayment } from '../schemas/money.ts';

const params = z.strictObject({
  tenantId: Id,
  bookingId: Id,
  payment: wholeNumber(2, 10_000),
});

export const paymentLinkRoute = route({
  method: 'get',
  path: '/v1/payment-links/{tenantId}/{bookingId}/{payment}',
  id: 'openPaymentLink',
  tag: 'Inbound',
  summary: 'What a payer pays by a link',
  about:
    "For the page behind a payment link, not for you. `Payment-Token` is the link's own; a wrong one is answered like a payment that does not exist.",
  scopes: null,
  params,
  headers: { 'Payment-Token': 'The last part of the link.' },
  answer: { status: 200, about: 'What a browser needs to confirm it.', schema: LinkedPayment },
  problems: ['not-found'],
  async handle({ params: { payment: n, ...booking }, headers }, deps) {
    const ref = { ...booking, n };
    const token = headers['payment-token'] ?? '';
    const found = await findLinkedPayment(deps.database.pool, ref);
    // Compared in either case, so that the time of an answer does not tell either.
    const opens = opensPayment(found?.fingerprintKey ?? NOBODYS, { ...ref, token });
    if (!found || !opens) throw notFound('payment');
    const { state, amountMinor, currency, payUntilAt } = found;
    const shown = { state, amountMinor, currency, payUntilAt: payUntilAt?.toISOString() ?? null };
    const nothing = { clientSecret: null, publishableKey: null, connectedAccount: null };
    if (state !== 'open') return { body: { ...shown, ...nothing } };
    const account = { tenantId: ref.tenantId, accountId: found.accountId };
    const { publishableKey, connectedAccount } = openAccount(deps, account, found.sealedAccount);
    const place = [ref.tenantId, 'payment.client_secret', `${ref.bookingId}:${n}`] as const;
    const clientSecret = deps.vault.open(place, found.sealedClientSecret);
    return { body: { ...shown, clientSecret, publishableKey, connectedAccount } };
  },
});

const NOBODYS = randomBytes(32);
