import type { Router } from 'express';
import { declineOf, failAuthentication, passAuthentication } from './authentication.ts';
import type { Tried } from './authentication.ts';
import { checkConfirmable, confirm } from './confirm.ts';
import { ControlError } from './control-error.ts';
import type { Emulator } from './emulator.ts';
import { findMethod } from './methods.ts';
import { closeDispute, openDispute, saveIntent } from './moves.ts';
import { pagesUrlOf } from './pages.ts';
import type { IntentStatus } from './payment-intent.ts';
import { settleRefund } from './refunds.ts';
import { lapse, provider, settleProcessing, shortenAuthorization } from './time.ts';
import type { IntentRow } from './state.ts';

type Body = Record<string, unknown>;
type Deed = (emulator: Emulator, row: IntentRow, body: Body) => Tried | void;

/** What customer, bank and time do to an intent: `POST /intents/:id/<deed>`. */
const DEEDS: Record<string, Deed> = {
  'confirm-as-customer': confirmAsCustomer,
  authenticate(emulator, row) {
    mustBe(row, 'requires_action');
    return passAuthentication(emulator, row);
  },
  'fail-authentication'(emulator, row) {
    mustBe(row, 'requires_action');
    failAuthentication(emulator, row);
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
  // Leaves so many seconds to capture; `capture_before` says so.
  'capture-within'(emulator, row, body) {
    mustBe(row, 'requires_capture');
    shortenAuthorization(emulator, row, secondsOf(body['seconds']));
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
  const { intents, refunds, disputes } = emulator.state;
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
    const body = { pagesUrl: pagesUrlOf(emulator, req), ...((req.body ?? {}) as Body) };
    const error = act(emulator, row, body) ?? null;
    res.json({ at: new Date().toISOString(), intent: intents.get(id)?.object, error });
  });
  router.post('/refunds/:id/:outcome', (req, res) => {
    const row = refunds.get(req.params.id);
    if (row === undefined) throw new ControlError(404, `No refund ${req.params.id}.`);
    const wanted = { succeed: 'succeeded', fail: 'failed' } as const;
    const name = oneOf(req.params.outcome, ['succeed', 'fail']);
    const { reason } = (req.body ?? {}) as { reason?: string };
    const given = reason === undefined ? {} : { reason };
    const refund = settleRefund(emulator, row, { outcome: wanted[name], ...given });
    res.json({ at: new Date().toISOString(), refund: refund.object });
  });
  router.get('/disputes', (_req, res) => {
    res.json({ disputes: [...disputes.values()].map((row) => row.object) });
  });
  router.post('/disputes/:id/close', (req, res) => {
    const dispute = disputes.get(req.params.id);
    if (dispute === undefined) throw new ControlError(404, `No dispute ${req.params.id}.`);
    if (dispute.object.status !== 'needs_response') {
      throw new ControlError(409, `Dispute ${req.params.id} is ${dispute.object.status} already.`);
    }
    const status = oneOf((req.body as Body | undefined)?.['status'], ['won', 'lost']);
    const closed = closeDispute(emulator, provider(dispute), { dispute, status });
    res.json({ at: new Date().toISOString(), dispute: closed });
  });
}

/** As Stripe.js does with a publishable key: `{ clientSecret?, paymentMethod?, returnUrl? }`. */
function confirmAsCustomer(emulator: Emulator, row: IntentRow, body: Body): Tried {
  const { clientSecret, paymentMethod = 'pm_card_visa', returnUrl } = body;
  if (clientSecret !== undefined && clientSecret !== row.object.client_secret) {
    throw new ControlError(400, 'That clientSecret is not of this intent.');
  }
  const id = String(paymentMethod);
  const method = findMethod(emulator, { account: row.account, id, param: 'payment_method' });
  checkConfirmable(row, method);
  const confirmation = {
    row,
    method,
    offSession: false,
    errorOnRequiresAction: false,
    useSdk: body['useSdk'] === true,
    pagesUrl: String(body['pagesUrl']),
    returnUrl: typeof returnUrl === 'string' ? returnUrl : 'https://example.test/return',
  };
  return declineOf(() => confirm(emulator, provider(row), confirmation));
}

function secondsOf(value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new ControlError(400, 'Give "seconds": a number from 0 on.');
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
