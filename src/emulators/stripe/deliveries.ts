import { createHmac } from 'node:crypto';
import { newId } from './ids.ts';
import type { Delivery, Endpoint, State, StripeEvent } from './state.ts';
import type { Switches } from './switches.ts';

/** Sending of events to webhook endpoints: signed, retried, and in the hands of a test. */
export type Deliveries = {
  /** Keeps the event and plans its deliveries. */
  send(account: string, event: StripeEvent): void;
  /** Sends an event once more, to each endpoint of its account. Answers how many. */
  resend(eventId: string): number;
  /** Sends what is withheld, oldest first or last first. Answers how many. */
  release(order: 'as-they-happened' | 'reversed'): number;
  /** Goes on with what was under way when the process ended. */
  resume(): void;
};

const TIMEOUT_MS = 20_000;
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
    send(account, event) {
      const endpoints = listeners(state, account, event.type);
      const object = { ...event, pending_webhooks: endpoints.length };
      state.events.set(event.id, { account, object });
      for (const endpoint of endpoints) {
        for (let copy = 0; copy < Math.max(1, switches.webhookCopies); copy += 1) {
          plan(parts, event.id, endpoint.object.id);
        }
      }
    },
    resend(eventId) {
      const row = state.events.get(eventId);
      if (row === undefined) return 0;
      const endpoints = listeners(state, row.account, row.object.type);
      for (const endpoint of endpoints) plan(parts, eventId, endpoint.object.id);
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

function plan(parts: Parts, event: string, endpoint: string): void {
  const { webhooks, webhookDelayMs, webhookShuffleMs } = parts.switches;
  const nextAt = Date.now() + webhookDelayMs + Math.random() * webhookShuffleMs;
  const delivery = { id: newId('whd'), event, endpoint, attempts: 0, nextAt };
  if (webhooks === 'withheld') {
    parts.state.deliveries.set(delivery.id, { ...delivery, status: 'withheld' });
  } else {
    schedule(parts, { ...delivery, status: 'pending' });
  }
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
  const lastStatus = await post(endpoint, JSON.stringify(event.object, undefined, 2));
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
): Promise<number | 'no answer'> {
  try {
    const answer = await fetch(endpoint.object.url, {
      method: 'POST',
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        'stripe-signature': signature(endpoint.secret, body, Math.floor(Date.now() / 1000)),
      },
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 'no answer';
  }
}
