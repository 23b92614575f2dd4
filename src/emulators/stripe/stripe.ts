import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import type { NextFunction, Request, Response, Router } from 'express';
import { rawBody, scriptedFault } from '../exchange.ts';
import type { Host } from '../host.ts';
import { authenticate } from './access.ts';
import { chargeEndpoints } from './charges.ts';
import { createStripeControl } from './control.ts';
import { customerEndpoints } from './customers.ts';
import { createEmulator } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import type { Call, Endpoint } from './endpoint.ts';
import { errorBody, StripeError } from './errors.ts';
import { parseForm } from './form.ts';
import type { Form } from './form.ts';
import { beginKeyed, endKeyed } from './idempotency.ts';
import type { KeyedRequest, Running } from './idempotency.ts';
import { newId } from './ids.ts';
import { intentVerbEndpoints } from './intent-verbs.ts';
import { intentEndpoints } from './intents.ts';
import { publicView } from './payment-intent.ts';
import type { PaymentIntent } from './payment-intent.ts';
import { refundEndpoints } from './refunds.ts';
import { methodEndpoints } from './method-endpoints.ts';
import { createPages, pagesUrlOf } from './pages.ts';
import { callSubject, takeScript } from './scripts.ts';
import type { Script } from './scripts.ts';
import type { StoredOutcome } from './state.ts';
import { resumeTime, whenDue } from './time.ts';
import { webhookEndpoints } from './webhook-endpoints.ts';

const ENDPOINTS = [
  ...intentVerbEndpoints,
  ...intentEndpoints,
  ...refundEndpoints,
  ...customerEndpoints,
  ...methodEndpoints,
  ...chargeEndpoints,
  ...webhookEndpoints,
];

const LIMITED = 'invalid_request_error';

/** Stripe's API under `/v1` (docs.stripe.com/api), and how a test plays customer, bank and time. */
export function createStripe(host: Host): { router: Router; control: Router } {
  const emulator = createEmulator(host, whenDue);
  const running: Running = new Map();
  host.onReset(() => running.clear());
  const router = express.Router();
  const scripted = (status: number) => {
    const detail = status === 429 ? ({ code: 'rate_limit', type: LIMITED } as const) : {};
    return errorBody(new StripeError(status, `Scripted answer ${status}.`, detail));
  };
  router.use(createPages(emulator));
  router.use('/v1', allowBrowsers);
  router.use('/v1', host.exchange({ host: 'stripe', errorBody: scripted }));
  for (const endpoint of ENDPOINTS) {
    router[endpoint.method](endpoint.path, (req, res) =>
      serve(emulator, running, { endpoint, req, res }),
    );
  }
  router.use('/v1', (req, res) => {
    const message = `Unrecognized request URL (${req.method}: ${req.originalUrl.split('?', 1)[0]}).`;
    answer(res, { status: 404, body: errorBody(new StripeError(404, message)) });
  });
  emulator.deliveries.resume();
  resumeTime(emulator);
  return { router, control: createStripeControl(emulator) };
}

/** Any page may ask, as at api.stripe.com: what counts is the key and the client secret. */
function allowBrowsers(req: Request, res: Response, next: NextFunction): void {
  res.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'GET, HEAD, PUT, PATCH, POST, DELETE',
    'Access-Control-Expose-Headers': 'Request-Id, Stripe-Should-Retry, Idempotent-Replayed',
    'Access-Control-Max-Age': '300',
  });
  if (req.method !== 'OPTIONS') return next();
  const asked = req.get('access-control-request-headers');
  if (asked !== undefined) res.set('Access-Control-Allow-Headers', asked);
  res.status(200).end();
}

type Exchange = { endpoint: Endpoint; req: Request; res: Response };
type Outcome = {
  status: number;
  body: unknown;
  began: boolean;
  shouldRetry?: boolean;
  /** Nothing was done and nobody is told. */
  cut?: boolean;
};

async function serve(
  emulator: Emulator,
  running: Running,
  { endpoint, req, res }: Exchange,
): Promise<void> {
  const requestId = newId('req');
  res.set('Request-Id', requestId);
  let keyed: KeyedRequest | undefined;
  try {
    const body = rawBody(req).toString('utf8');
    const form = formOf(req, body);
    const caller = authenticate(emulator, req, form);
    res.set('Stripe-Version', caller.apiVersion);
    if (caller.publishable && !endpoint.publishable) throw secretKeyRequired();
    const key = endpoint.method === 'post' ? (req.get('idempotency-key') ?? null) : null;
    const id = String(req.params['id'] ?? '');
    const pagesUrl = pagesUrlOf(emulator, req);
    const call: Call = { ...caller, requestId, idempotencyKey: key, id, pagesUrl };
    if (key !== null) {
      res.set('Idempotency-Key', key);
      const request = { account: call.account, key, method: req.method, path: req.path, body };
      const stored = beginKeyed(emulator, running, request);
      if (stored !== undefined) return replay(emulator, res, stored);
      keyed = request;
    }
    const asked = {
      request: `${req.method} ${req.path}`,
      subject: callSubject(emulator, id, form),
    };
    const script = takeScript(emulator, asked, scriptedFault(res));
    const outcome = await carryOut(emulator, { endpoint, call, form, script });
    if (keyed !== undefined) {
      const { status, body: answered, began } = outcome;
      const kept = { status, body: answered, requestId, at: Date.now() };
      endKeyed(emulator, running, { request: keyed, ...(began ? { outcome: kept } : {}) });
    }
    if (script?.answerDelayMs !== undefined) await sleep(script.answerDelayMs);
    if (outcome.cut === true || script?.answer === 'lost') return void res.destroy();
    answer(res, { ...outcome, ...(keyed === undefined ? {} : adviceFor(outcome.status)) });
  } catch (error) {
    if (keyed !== undefined) endKeyed(emulator, running, { request: keyed });
    answer(res, outcomeOf(error));
  }
}

/** The first outcome again, whatever has happened since. */
function replay({ switches }: Emulator, res: Response, stored: StoredOutcome): void {
  if (switches.idempotentReplayedHeader) res.set('Idempotent-Replayed', 'true');
  res.set('Original-Request', stored.requestId);
  answer(res, { ...stored, ...adviceFor(stored.status) });
}

type Execution = { endpoint: Endpoint; call: Call; form: Form; script: Script | undefined };

async function carryOut(
  emulator: Emulator,
  { endpoint, call, form, script }: Execution,
): Promise<Outcome> {
  let execute: ReturnType<Endpoint['prepare']>;
  try {
    execute = endpoint.prepare(form);
  } catch (error) {
    return outcomeOf(error, call.publishable);
  }
  if (script?.delayMs !== undefined) await sleep(script.delayMs);
  if (script?.hold !== undefined) await emulator.host.holds.wait(script.hold);
  if (script?.answer === 'not-done') return { status: 0, body: null, began: false, cut: true };
  const played = script?.play === undefined ? call : { ...call, play: script.play };
  const real = (): Outcome => {
    try {
      return { status: 200, body: execute(emulator, played), began: true };
    } catch (error) {
      return outcomeOf(error, call.publishable);
    }
  };
  if (script?.status === undefined) return real();
  if (script.carriedOut) real();
  const message = 'An unknown error occurred (scripted).';
  const body = script.body ?? errorBody(new StripeError(script.status, message));
  return { status: script.status, body, began: true };
}

function outcomeOf(error: unknown, toBrowser = false): Outcome {
  if (!(error instanceof StripeError)) {
    // A fault of the emulator itself: shown in full, because only its own developers meet it.
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { status: 500, body: errorBody(new StripeError(500, message)), began: true };
  }
  const { beforeExecution, shouldRetry } = error.detail;
  return {
    status: error.status,
    body: errorBody(toBrowser ? withPublicView(error) : error),
    began: beforeExecution !== true,
    ...(shouldRetry === undefined ? {} : { shouldRetry }),
  };
}

/** An error tells a browser no more of an intent than reading it would. */
function withPublicView(error: StripeError): StripeError {
  const { paymentIntent, ...detail } = error.detail;
  if (paymentIntent === undefined) return error;
  const seen = publicView(paymentIntent as PaymentIntent);
  return new StripeError(error.status, error.message, { ...detail, paymentIntent: seen });
}

function answer(
  res: Response,
  { status, body, shouldRetry }: Pick<Outcome, 'status' | 'body' | 'shouldRetry'>,
): void {
  if (shouldRetry !== undefined) res.set('Stripe-Should-Retry', String(shouldRetry));
  res
    .status(status)
    .type('application/json')
    .send(JSON.stringify(body, undefined, 2));
}

/** Repeating a stored failure under its key would only replay it. */
function adviceFor(status: number): { shouldRetry?: boolean } {
  return status >= 500 ? { shouldRetry: false } : {};
}

function formOf(req: Request, body: string): Form {
  if (req.method !== 'POST') return parseForm(req.originalUrl.split('?')[1] ?? '');
  if (body !== '' && req.is('application/x-www-form-urlencoded') === false) {
    const message = 'Send parameters form-encoded (application/x-www-form-urlencoded).';
    throw new StripeError(400, message, { beforeExecution: true });
  }
  return parseForm(body);
}

function secretKeyRequired(): StripeError {
  return new StripeError(403, 'This call takes a secret key, not a publishable one.', {
    code: 'secret_key_required',
    type: 'invalid_request_error',
    beforeExecution: true,
  });
}
