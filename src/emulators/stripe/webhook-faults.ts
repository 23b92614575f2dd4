import type { Emulator } from './emulator.ts';
import { AIM_FIELDS, checkPosted, meets, readAim, subjectOf } from './matching.ts';
import type { Aim, Subject } from './matching.ts';
import type { StripeEvent } from './state.ts';

const ACTS = ['drop', 'withhold', 'late', 'twice', 'forge', 'stale'] as const;
type Act = (typeof ACTS)[number];

/** What becomes of an event on its way out. `type` is the start of the event's type. */
export type WebhookFault = Aim & {
  act: Act;
  type: string;
  /** How late, or how far apart the copies are. */
  delayMs: number;
  copies: number;
  ageSeconds: number;
};

const FIELDS = {
  ...AIM_FIELDS,
  act: 'string',
  type: 'string',
  delayMs: 'number',
  copies: 'number',
  ageSeconds: 'number',
} as const;

/** Keeps a fault as posted; throws a sentence for the person who wrote it. */
export function addWebhookFault(emulator: Emulator, posted: Record<string, unknown>): WebhookFault {
  checkPosted(posted, FIELDS, 'A webhook fault');
  const act = ACTS.find((known) => known === posted['act']);
  if (act === undefined) throw new TypeError(`"act" is one of: ${ACTS.join(', ')}.`);
  const { type = '', delayMs = act === 'late' ? 5000 : 0 } = posted;
  const { copies = 2, ageSeconds = 3600 } = posted;
  const id = `webhook-fault-${emulator.host.serial('stripe-webhook-fault')}`;
  const fault: WebhookFault = {
    ...readAim(posted, id),
    act,
    type: String(type),
    delayMs: Number(delayMs),
    copies: Number(copies),
    ageSeconds: Number(ageSeconds),
  };
  emulator.state.webhookFaults.set(id, fault);
  return fault;
}

/** The first fault that meets this event, counted as met. */
export function takeWebhookFault(
  emulator: Emulator,
  { type, data }: StripeEvent,
): WebhookFault | undefined {
  const { webhookFaults } = emulator.state;
  if (webhookFaults.size === 0) return undefined;
  const subject = eventSubject(emulator, data.object);
  for (const fault of webhookFaults.values()) {
    if (!type.startsWith(fault.type) || !meets(emulator, fault, subject)) continue;
    webhookFaults.set(fault.id, { ...fault, timesLeft: fault.timesLeft - 1 });
    return fault;
  }
  return undefined;
}

function eventSubject(emulator: Emulator, object: Record<string, unknown>): Subject {
  const { id, payment_intent: intent } = object;
  return subjectOf(emulator, String(object['object'] === 'payment_intent' ? id : intent));
}
