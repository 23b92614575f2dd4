import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHttp, type Http } from '../bench/http.ts';
import { judgeSale, type SaleEnd } from './sale-judge.ts';

/** Where a sale takes place: any Holdfast with its emulators. */
export interface SaleHouse {
  apiUrl: string;
  emulatorsUrl: string;
  auth: { authorization: string };
}

export interface SaleAsk {
  /** Units of a resource for one span, or places of a session. */
  kind: 'units' | 'session';
  places: number;
  callers: number;
  /** They come one after the other within this time. */
  withinMs: number;
  /** Of the payments. */
  declined: number;
  /** Until everything is sold and settled. */
  timeoutMs: number;
}

export interface SaleReport extends SaleEnd {
  /** Of each caller's first request, from the moment he came. */
  firstAnswersMs: number[];
  /** From the first caller until the last place was paid. */
  totalMs: number;
  requests: number;
  /** How many answers of each status, with the bound for those that were shed. */
  answers: Record<string, number>;
  /** Bookings that ended unpaid, so that their place was sold again. */
  freed: number;
}

export const SALE_PRICE_MINOR = 4_500;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SLOW_MS = 3_000;
const LOOK_MS = 1_000;
const AGAIN_MS = 3_000;
/** One caller in so many comes back as long as there is something to wait for. */
const STUBBORN = 10;

interface Sale {
  ask: SaleAsk;
  http: Http;
  auth: SaleHouse['auth'];
  body: Record<string, unknown>;
  report: Omit<SaleReport, keyof SaleEnd>;
  paid: number;
  startedAt: number;
  /** Aborted when everything is sold, or time is over. */
  over: AbortController;
}

/** Everybody wants one place; who is refused asks again for a while, as people do. */
export async function runSale(house: SaleHouse, ask: SaleAsk): Promise<SaleReport> {
  // As many connections as callers who wait at one time, each opened when it is needed.
  const http = openHttp(house.apiUrl, { connections: ask.callers });
  const emulators = openHttp(house.emulatorsUrl, { connections: 4 });
  try {
    const { body, ...counter } = await openCounter(house, ask, { http, emulators });
    const sale: Sale = {
      ask,
      http,
      body,
      auth: house.auth,
      paid: 0,
      startedAt: performance.now(),
      report: {
        firstAnswersMs: [],
        totalMs: Number.NaN,
        requests: 0,
        answers: {},
        freed: 0,
      },
      over: new AbortController(),
    };
    const timer = setTimeout(() => sale.over.abort(), ask.timeoutMs);
    await Promise.all(Array.from({ length: ask.callers }, (_, n) => caller(sale, n)));
    clearTimeout(timer);
    const end = await judgeSale({ http, emulators, auth: house.auth }, { ...ask, ...counter });
    return { ...sale.report, ...end };
  } finally {
    await emulators.send({ method: 'DELETE', path: '/control/stripe/executions' });
    await Promise.all([http.close(), emulators.close()]);
  }
}

/** What is for sale, and a payment service with troubles. */
async function openCounter(
  { auth }: SaleHouse,
  { kind, places, declined }: SaleAsk,
  { http, emulators }: { http: Http; emulators: Http },
): Promise<{ body: Record<string, unknown>; resourceId: string; service: string }> {
  const make = <T>(path: string, body: unknown): Promise<T> =>
    http.ask(
      { method: 'POST', path, body, headers: { ...auth, 'idempotency-key': randomUUID() } },
      201,
    );
  const secretKey = `sk_test_${randomUUID().replaceAll('-', '')}`;
  const service = `acct_${randomUUID().slice(0, 8)}`;
  const path = `/control/stripe/accounts/${service}`;
  await emulators.ask({ method: 'PUT', path, body: { secretKey } }, 200);
  const accountId = `p-${randomUUID().slice(0, 8)}`;
  const webhookSecret = `whsec_${randomUUID().replaceAll('-', '')}`;
  const account = { id: accountId, service: 'stripe', secretKey, webhookSecret };
  await make('/v1/payment-accounts', account);
  const resourceId = `sale-${randomUUID().slice(0, 8)}`;
  const price = { per: 'unit', amountMinor: SALE_PRICE_MINOR, currency: 'eur' };
  const isSession = kind === 'session';
  await make('/v1/resources', {
    id: resourceId,
    name: 'The sale',
    timeZone: 'Europe/Paris',
    capacity: isSession ? 1 : places,
    settings: isSession
      ? {
          price,
          soldBy: 'session',
        }
      : { price },
  });
  const startsAt = Math.floor(Date.now() / DAY_MS + 30.5) * DAY_MS;
  const [startAt, endAt] = [startsAt, startsAt + HOUR_MS].map((at) => new Date(at).toISOString());
  const payment = { kind: 'method', paymentMethod: 'pm_card_visa', accountId };
  await script(emulators, { path: '/confirm$', share: 1 / 3, seed: 's', delayMs: SLOW_MS });
  await script(emulators, {
    path: '/confirm$',
    share: declined,
    seed: 'd',
    decline: 'chargeDeclined',
  });
  // Of every call for a payment: making it, confirming it, taking the money.
  await script(emulators, {
    match: '^POST /v1/payment_intents',
    per: 'call',
    timesEach: 3,
    share: 1 / 20,
    seed: 'l',
    answer: 'lost',
  });
  if (!isSession) return { resourceId, service, body: { resourceId, startAt, endAt, payment } };
  const made = await make<{ sessions: { id: string }[] }>(`/v1/resources/${resourceId}/sessions`, {
    sessions: [{ startAt, endAt, capacity: places }],
  });
  const [session] = made.sessions;
  return { resourceId, service, body: { resourceId, sessionId: session!.id, payment } };
}

const script = (emulators: Http, body: unknown) =>
  emulators.ask({ method: 'POST', path: '/control/stripe/executions', body }, 200);

/** Comes, asks, and comes again after a no or with another card, until he has a place or enough. */
async function caller(sale: Sale, n: number): Promise<void> {
  const { ask, report } = sale;
  await sleep((n * ask.withinMs) / ask.callers);
  const cameAt = sale.startedAt + (n * ask.withinMs) / ask.callers;
  let isAnswered = false;
  for (let key: string = randomUUID(), asked = 0; ; asked += 1) {
    const answer = await request(sale, key);
    if (answer.status === 0) {
      await sleep(answer.retryAfterMs ?? 0);
      continue;
    }
    if (!isAnswered) report.firstAnswersMs.push(performance.now() - cameAt);
    isAnswered = true;
    if (answer.status === 201) {
      if (await hasPaid(sale, (JSON.parse(answer.text) as { id: string }).id)) return;
      report.freed += 1;
      key = randomUUID();
    } else if (![409, 429, 503].includes(answer.status)) {
      throw new Error(`${answer.status}: ${answer.text.slice(0, 500)}`);
    } else if (answer.status === 409 && hasEnough(n, asked)) return;
    const pauseMs = (answer.retryAfterMs ?? AGAIN_MS) * (1 + spread(n, asked));
    if (sale.over.signal.aborted || !(await rest(sale, pauseMs))) return;
  }
}

/** Half of those who are told no go away, each time. */
const hasEnough = (n: number, asked: number): boolean =>
  n % STUBBORN !== 0 && spread(n, asked) < 0.5;

/** From 0 to 1, the same for the same caller in every sale. */
const spread = (n: number, asked: number): number =>
  (((n + 1) * 7_919 + (asked + 1) * 104_729) % 997) / 997;

async function request(sale: Sale, key: string) {
  const { http, auth, body, report } = sale;
  const headers = { ...auth, 'idempotency-key': key };
  const asking = http.send({ method: 'POST', path: '/v1/bookings', body, headers });
  // Without an answer he asks again, as browsers do.
  const answer = await asking.catch((error: Error) => cutOff(error));
  const { bound } = answer.status === 503 ? (JSON.parse(answer.text) as { bound?: string }) : {};
  const name = answer.status === 0 ? answer.text : [answer.status, bound].filter(Boolean).join(' ');
  report.requests += 1;
  report.answers[name] = (report.answers[name] ?? 0) + 1;
  return answer;
}

const cutOff = (error: Error & { code?: string }) => ({
  status: 0,
  text: error.code ?? error.message,
  retryAfterMs: 1_000,
});

/** Looks at his booking as its page does, until the money is taken or the booking over. */
async function hasPaid(sale: Sale, id: string): Promise<boolean> {
  const { http, auth, report, ask } = sale;
  for (;;) {
    const asking = http.send({ path: `/v1/bookings/${id}`, headers: auth });
    const { status, text } = await asking.catch((error: Error) => cutOff(error));
    if (status === 200) {
      const { state, payment } = JSON.parse(text) as {
        state: string;
        payment: { status: string | null };
      };
      if (['declined', 'expired', 'cancelled'].includes(state)) return false;
      if (state === 'confirmed' && payment.status === 'captured') break;
    }
    if (performance.now() - sale.startedAt > ask.timeoutMs) return true;
    await sleep(LOOK_MS);
  }
  sale.paid += 1;
  if (sale.paid === ask.places) {
    report.totalMs = performance.now() - sale.startedAt;
    sale.over.abort();
  }
  return true;
}

/** False when the sale is over meanwhile. */
const rest = (sale: Sale, ms: number): Promise<boolean> =>
  sleep(ms, true, { signal: sale.over.signal }).catch(() => false);
