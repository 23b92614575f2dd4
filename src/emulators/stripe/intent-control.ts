import type { Router } from 'express';
import { askIssuer, checkConfirmable, confirm } from './confirm.ts';
import { ControlError } from './control-error.ts';
import type { Emulator } from './emulator.ts';
import { StripeError } from './errors.ts';
import { findMethod } from './methods.ts';
import { openDispute, saveIntent } from './moves.ts';
import type { IntentStatus } from './payment-intent.ts';
import { settleRefund } from './refunds.ts';
import { failPayment, lapse, provider, settleProcessing } from './time.ts';
import type { IntentRow } from './state.ts';

type Body = Record<string, unknown>;
type Deed = (emulator: Emulator, row: IntentRow, body: Body) => void;

/** What customer, bank and time do to an intent: `POST /intents/:id/<deed>`. */
const DEEDS: Record<string, Deed> = {
  'confirm-as-customer': confirmAsCustomer,
  authenticate,
  'fail-authentication'(emulator, row) {
    mustBe(row, 'requires_action');
    failPayment(emulator, row, {
      code: 'payment_intent_authentication_failure',
      message: 'The customer did not pass authentication.',
    });
  },
  // The customer closes the page: nothing happens at Stripe, which is the point.
  abandon: (_emulator, row) => mustBe(row, 'requires_action'),
  lapse(emulator, row, body) {
    mustBe(row, 'requires_capture');
    if (body['onlyAtNetwork'] === true) {
      saveIntent(emulator, { ...row, authorizationExpired: true });
    } else {
      lapse(emulator, row);
    }
  },
  'settle-processing'(emulator, row, body) {
    mustBe(row, 'processing');
    settleProcessing(emulator, row, oneOf(body['outcome'], ['succeeded', 'failed']));
  },
  dispute(emulator, row, body) {
    mustBe(row, 'succeeded');
    const reason = typeof body['reason'] === 'string' ? body['reason'] : 'fraudulent';
    openDispute(emulator, provider(row), { row, reason });
  },
};

export function intentRoutes(router: Router, emulator: Emulator): void {
  const { intents, refunds } = emulator.state;
  router.get('/intents', (req, res) => {
    const { account } = req.query;
    const rows = [...intents.values()].filter((row) => !account || row.account === account);
    res.json({ intents: rows.map((row) => ({ account: row.account, ...row.object })) });
  });
  router.post('/intents/:id/:deed', (req, res) => {
    const { id, deed } = req.params;
    const row = intents.get(id);
    if (row === undefined) throw new ControlError(404, `No intent ${id}; GET intents lists them.`);
    const act = Object.hasOwn(DEEDS, deed) ? DEEDS[deed] : undefined;
    if (act === undefined) {
      throw new ControlError(404, `Deeds are: ${Object.keys(DEEDS).join(', ')}.`);
    }
    const error = outcome(() => act(emulator, row, (req.body ?? {}) as Body));
    res.json({ at: new Date().toISOString(), intent: intents.get(id)?.object, error });
  });
  router.post('/refunds/:id/:outcome', (req, res) => {
    const row = refunds.get(req.params.id);
    if (row === undefined) throw new ControlError(404, `No refund ${req.params.id}.`);
    const wanted = { succeed: 'succeeded', fail: 'failed' } as const;
    const name = oneOf(req.params.outcome, ['succeed', 'fail']);
    const refund = settleRefund(emulator, row, wanted[name]);
    res.json({ at: new Date().toISOString(), refund: refund.object });
  });
}

/** A decline is an outcome of what the customer did, not a mistake of the caller. */
function outcome(act: () => void): { code: string | undefined; message: string } | null {
  try {
    act();
    return null;
  } catch (error) {
    if (!(error instanceof StripeError) || error.status !== 402) throw error;
    return { code: error.detail.code, message: error.message };
  }
}

/** As Stripe.js does with a publishable key: `{ clientSecret?, paymentMethod?, returnUrl? }`. */
function confirmAsCustomer(emulator: Emulator, row: IntentRow, body: Body): void {
  const { clientSecret, paymentMethod = 'pm_card_visa', returnUrl } = body;
  if (clientSecret !== undefined && clientSecret !== row.object.client_secret) {
    throw new ControlError(400, 'That clientSecret is not of this intent.');
  }
  const id = String(paymentMethod);
  const method = findMethod(emulator, { account: row.account, id, param: 'payment_method' });
  checkConfirmable(row, method);
  confirm(emulator, provider(row), {
    row,
    method,
    offSession: false,
    errorOnRequiresAction: false,
    returnUrl: typeof returnUrl === 'string' ? returnUrl : 'https://example.test/return',
  });
}

/** The customer passes authentication; by hand-confirmed intents wait for the server once more. */
function authenticate(emulator: Emulator, row: IntentRow): void {
  mustBe(row, 'requires_action');
  const method = emulator.state.methods.get(row.object.payment_method ?? '');
  if (method === undefined) throw new ControlError(409, 'The intent has no payment method.');
  const next = { ...row, authenticated: true, object: { ...row.object, next_action: null } };
  if (row.object.confirmation_method === 'manual') {
    saveIntent(emulator, { ...next, object: { ...next.object, status: 'requires_confirmation' } });
    return;
  }
  askIssuer(emulator, provider(row), { row: next, method });
}

function mustBe({ object }: IntentRow, status: IntentStatus): void {
  if (object.status === status) return;
  throw new ControlError(409, `Intent ${object.id} is ${object.status}; this takes ${status}.`);
}

function oneOf<const T extends string>(value: unknown, choices: readonly [T, ...T[]]): T {
  if (value === undefined) return choices[0];
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new ControlError(400, `Give one of: ${choices.join(', ')}.`);
  return found;
}
