import { randomUUID } from 'node:crypto';
import type { Stage } from './stage.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const RESOURCES = 100;

export interface Booked {
  id: string;
  state: string;
  payment: { status: string | null };
  links: { workflowId: string };
}

/** Resources without outside calendars, a payment account, and a booking nobody else wants. */
export interface BookingScene {
  /** `waitS`: until money is captured, else until the hold stands. */
  book(options: { waitS?: number }): Promise<Booked>;
}

export async function paidScene(stage: Stage): Promise<BookingScene> {
  const secretKey = `sk_test_${randomUUID().replaceAll('-', '')}`;
  await stage.emulators.ask(
    { method: 'PUT', path: '/control/stripe/accounts/acct_bench', body: { secretKey } },
    200,
  );
  const accountId = `p-${randomUUID().slice(0, 8)}`;
  const webhookSecret = `whsec_${randomUUID().replaceAll('-', '')}`;
  const account = { id: accountId, service: 'stripe', secretKey, webhookSecret };
  await create(stage, '/v1/payment-accounts', account);
  return scene(stage, {
    price: { per: 'booking', amountMinor: 12_000, currency: 'eur' },
    payment: { kind: 'method', paymentMethod: 'pm_card_visa', accountId },
  });
}

export const freeScene = (stage: Stage): Promise<BookingScene> =>
  scene(stage, { price: null, payment: { kind: 'none' } });

async function scene(
  stage: Stage,
  { price, payment }: { price: unknown; payment: unknown },
): Promise<BookingScene> {
  const ids = Array.from({ length: RESOURCES }, () => `r-${randomUUID().slice(0, 12)}`);
  for (const id of ids) await addResource(stage, { id, settings: price ? { price } : {} });
  const firstDay = Math.ceil(Date.now() / DAY_MS) + 1;
  let booked = 0;
  return {
    book({ waitS }) {
      const resourceId = ids[booked % RESOURCES]!;
      const startAt = (firstDay + Math.floor(booked / RESOURCES)) * DAY_MS + 9 * HOUR_MS;
      booked += 1;
      return create(
        stage,
        '/v1/bookings',
        { resourceId, startAt: instant(startAt), endAt: instant(startAt + HOUR_MS), payment },
        waitS ? { prefer: `wait=${waitS}` } : {},
      );
    },
  };
}

export const addResource = (stage: Stage, resource: { id: string; settings?: object }) =>
  create(stage, '/v1/resources', { name: 'A room', timeZone: 'Europe/Paris', ...resource });

function create<T>(
  { api, auth }: Stage,
  path: string,
  ...[body, headers]: [body: unknown, headers?: Record<string, string>]
): Promise<T> {
  const key = { 'idempotency-key': randomUUID() };
  return api.ask({ method: 'POST', path, body, headers: { ...auth, ...key, ...headers } }, 201);
}

const instant = (at: number): string => new Date(at).toISOString();
