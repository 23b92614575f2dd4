import type { Host } from '../host.ts';
import { createDeliveries } from './deliveries.ts';
import type { Deliveries } from './deliveries.ts';
import { newId } from './ids.ts';
import { openState } from './state.ts';
import type { Effect, State, StripeEvent } from './state.ts';
import { declareSwitches } from './switches.ts';
import type { Switches } from './switches.ts';
import { takeWebhookFault } from './webhook-faults.ts';

/** What every part of the Stripe host works on. */
export type Emulator = {
  host: Host;
  state: State;
  switches: Switches;
  deliveries: Deliveries;
  /** Runs once at this time (epoch milliseconds), unless the process closes or is reset. */
  at(timeMs: number, run: () => void): void;
  /** Carries out what time has brought to an intent or a refund. */
  due(id: string): void;
};

/** Who asked: an API request, or (all null) something that happened at the provider. */
export type Cause = {
  account: string;
  requestId: string | null;
  idempotencyKey: string | null;
  /** What issuer and bank do this time, whatever the card says. */
  play?: Play;
};

/** Scripted by a test for one call. */
export type Play = {
  decline?: { code: string; declineCode?: string; message: string };
  processing?: boolean;
  refund?: 'pending' | 'fails-later';
};

/** `2026-10-28.endive` is the version that the current server libraries pin. */
export const API_VERSION = '2026-10-28.endive';

export function createEmulator(
  host: Host,
  whenDue: (emulator: Emulator, id: string) => void,
): Emulator {
  const state = openState(host);
  const switches = declareSwitches(host);
  const timers = new Set<NodeJS.Timeout>();
  const stop = () => {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
  };
  let open = true;
  host.onReset(stop);
  host.onClose(() => {
    open = false;
    stop();
  });
  const at = (timeMs: number, run: () => void) => {
    const waitMs = Math.min(Math.max(timeMs - Date.now(), 0), 2_147_483_647);
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, waitMs);
    timer.unref();
    timers.add(timer);
  };
  const emulator: Emulator = {
    host,
    state,
    switches,
    deliveries: createDeliveries({ state, switches, at, isOpen: () => open }),
    at,
    due: (id) => whenDue(emulator, id),
  };
  return emulator;
}

/** Times in Stripe's objects are whole unix seconds. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Makes the event and sends it to every endpoint that listens (docs.stripe.com/api/events). */
export function announce(
  emulator: Emulator,
  cause: Cause,
  { type, object, previous }: { type: string; object: object; previous?: Record<string, unknown> },
): void {
  const { state } = emulator;
  const account = state.accounts.get(cause.account);
  const event: StripeEvent = {
    id: newId('evt'),
    object: 'event',
    ...(account?.platform === undefined ? {} : { account: cause.account }),
    api_version: account?.apiVersion ?? API_VERSION,
    created: nowSeconds(),
    data: {
      object: object as Record<string, unknown>,
      ...(previous === undefined ? {} : { previous_attributes: previous }),
    },
    livemode: false,
    pending_webhooks: 0,
    request: { id: cause.requestId, idempotency_key: cause.idempotencyKey },
    type,
  };
  emulator.deliveries.send(cause.account, event, takeWebhookFault(emulator, event));
}

export type Moved = Pick<Effect, 'effect' | 'amountMinor' | 'refund' | 'dispute'> & {
  intent: string;
};

/** Notes what became of money, in the append-only list and in the record of everything done. */
export function effect(emulator: Emulator, cause: Cause, what: Moved): void {
  const { account, requestId, idempotencyKey } = cause;
  const { object } = emulator.state.intents.get(what.intent) ?? {};
  const details = {
    account,
    ...what,
    currency: object?.currency ?? '',
    metadata: object?.metadata ?? {},
    charge: object?.latest_charge ?? null,
    idempotencyKey,
    requestId,
  };
  const n = emulator.state.effects.size + 1;
  emulator.state.effects.set(String(n), { n, at: new Date().toISOString(), ...details });
  const { effect: name, ...rest } = details;
  emulator.host.effect('stripe', name, rest);
}
