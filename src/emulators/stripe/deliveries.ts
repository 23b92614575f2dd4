import { createHmac } from 'node:crypto';
import { newId } from './ids.ts';
import type { Delivery, Endpoint, State, StripeEvent } from './state.ts';
import type { Switches } from './switches.ts';
import type { WebhookFault } from './webhook-faults.ts';

/** Sending of events to webhook endpoints: signed, retried, and in the hands of a test. */
export type Deliveries = {
  /** Keeps the event and plans its deliveries, with what a test wants to go wrong. */
  send(account: string, event: StripeEvent, fault?: WebhookFault): void;
  /** Sends an event once more, to each endpoint of its account. Answers how many. */
  resend(eventId: string, manner?: Manner): number;
  /** Sends what is withheld, oldest first or last first. Answers how many. */
  release(order: 'as-they-happened' | 'reversed'): number;
  /** Goes on with what was under way when the process ended. */
  resume(): void;
};

const TIMEOUT_MS = 20_000;
/** Whoever signs with this has guessed. */
export const FORGED_SECRET = 'whsec_forged';
const RETRY_MS = {
  fast: [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000],
  slow: [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 3_600_000],
  off: [],
};

type Parts = {
  state: State;
  switches: Switches;
  at: (timeMs: number, run: () => void) => void;
  /** False once the process closes: state can no longer be written. */
  isOpen: () => boolean;
};

export function createDeliveries(parts: Parts): Deliveries {
  const { state, switches } = parts;
  return {
    send(account, event, fault) {
      const endpoints = listeners(state, account, event.type);
      const object = { ...event, pending_webhooks: endpoints.length };
      state.events.set(event.id, { account, object });
      for (const endpoint of endpoints) {
        const copies = fault?.act === 'twice' ? fault.copies : switches.webhookCopies;
        for (let copy = 0; copy < Math.max(1, copies); copy += 1) {
          const delivery = { event: event.id, endpoint: endpoint.object.id };
          plan(parts, delivery, mannerOf(fault, copy));
        }
      }
    },
    resend(eventId, manner = {}) {
      const row = state.events.get(eventId);
      if (row === undefined) return 0;
      const endpoints = listeners(state, row.account, row.object.type);
      for (const endpoint of endpoints) {
        plan(
          parts,
          { event: eventId, endpoint: endpoint.object.id },
          { ...manner, status: 'pending' },
        );
      }
      return endpoints.length;
    },
    release(order) {
      const withheld = [...state.deliveries.values()].filter((d) => d.status === 'withheld');
      if (order === 'reversed') withheld.reverse();
      for (const [index, delivery] of withheld.entries()) {
        // Spaced, so that the order asked for is the order of arrival.
        schedule(parts, { ...delivery, status: 'pending', nextAt: Date.now() + index * 10 });
      }
      return withheld.length;
    },
    resume() {
      for (const delivery of state.deliveries.values()) {
        if (delivery.status === 'pending') schedule(parts, delivery);
      }
    },
  };
}

/** `Stripe-Signature` of a body: HMAC-SHA256 over `<unix seconds>.<body>` with the whole secret. */
function signature(secret: string, body: string, timestamp: number): string {
  const digest = createHmac('sha256', secret).update(`${timestamp}.${body}`, 'utf8').digest('hex');
  return `t=${timestamp},v1=${digest}`;
}

/** Endpoints of the account itself, and its platform's endpoints that listen to connected accounts. */
export function listeners(state: State, accountId: string, type: string): Endpoint[] {
  const platform = state.accounts.get(accountId)?.platform;
  return [...state.endpoints.values()].filter(({ object, account, connect }) => {
    const hears = object.enabled_events.includes('*') || object.enabled_events.includes(type);
    const concerned = connect ? account === platform : account === accountId;
    return object.status === 'enabled' && hears && concerned;
  });
}

/** How one delivery differs from the usual. */
export type Manner = Pick<Delivery, 'ageSeconds' | 'forged'> & {
  status?: 'pending' | 'withheld' | 'dropped';
  delayMs?: number;
};

function mannerOf(fault: WebhookFault | undefined, copy: number): Manner {
  switch (fault?.act) {
    case undefined:
      return {};
    case 'drop':
      return { status: 'dropped' };
    case 'withhold':
      return { status: 'withheld' };
    case 'late':
      return { delayMs: fault.delayMs };
    case 'twice':
      return { delayMs: fault.delayMs * copy };
    case 'forge':
      return { forged: true };
    case 'stale':
      return { ageSeconds: fault.ageSeconds };
  }
}

function plan(
  parts: Parts,
  { event, endpoint }: Pick<Delivery, 'event' | 'endpoint'>,
  { status, delayMs = 0, ...signing }: Manner,
): void {
  const { webhooks, webhookDelayMs, webhookShuffleMs } = parts.switches;
  const nextAt = Date.now() + webhookDelayMs + Math.random() * webhookShuffleMs + delayMs;
  const delivery = { id: newId('whd'), event, endpoint, attempts: 0, nextAt, ...signing };
  const usual = webhooks === 'withheld' ? 'withheld' : 'pending';
  const planned = { ...delivery, status: status ?? usual };
  if (planned.status === 'pending') schedule(parts, planned);
  else parts.state.deliveries.set(delivery.id, planned);
}

function schedule(parts: Parts, delivery: Delivery): void {
  parts.state.deliveries.set(delivery.id, delivery);
  parts.at(delivery.nextAt, () => void attempt(parts, delivery));
}

async function attempt(parts: Parts, delivery: Delivery): Promise<void> {
  const { state, switches } = parts;
  const event = state.events.get(delivery.event);
  const endpoint = state.endpoints.get(delivery.endpoint);
  if (event === undefined || endpoint === undefined || endpoint.object.status === 'disabled') {
    state.deliveries.delete(delivery.id);
    return;
  }
  const body = JSON.stringify(event.object, undefined, 2);
  const secret = delivery.forged === true ? FORGED_SECRET : endpoint.secret;
  const lastStatus = await post({ ...endpoint, secret }, body, delivery.ageSeconds);
  if (!parts.isOpen() || !state.deliveries.has(delivery.id)) return;
  const attempts = delivery.attempts + 1;
  if (typeof lastStatus === 'number' && lastStatus >= 200 && lastStatus < 300) {
    state.deliveries.set(delivery.id, { ...delivery, attempts, lastStatus, status: 'delivered' });
    return;
  }
  const waitMs = RETRY_MS[switches.webhookRetries as keyof typeof RETRY_MS][delivery.attempts];
  const told = { ...delivery, attempts, lastStatus };
  if (waitMs === undefined) state.deliveries.set(delivery.id, { ...told, status: 'failed' });
  else schedule(parts, { ...told, nextAt: Date.now() + waitMs });
}

/** Sends one signed body; a redirect counts as a failure, as at Stripe. */
export async function post(
  endpoint: { secret: string; object: { url: string } },
  body: string,
  ageSeconds = 0,
): Promise<number | 'no answer'> {
  const timestamp = Math.floor(Date.now() / 1000) - ageSeconds;
  try {
    const answer = await fetch(endpoint.object.url, {
      method: 'POST',
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        'stripe-signature': signature(endpoint.secret, body, timestamp),
      },
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 'no answer';
  }
}
