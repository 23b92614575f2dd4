import { createHash } from 'node:crypto';
import type { Emulator } from './emulator.ts';
import { StripeError } from './errors.ts';
import type { StoredOutcome } from './state.ts';

export type KeyedRequest = {
  account: string;
  key: string;
  method: string;
  path: string;
  body: string;
};

/** Requests whose execution goes on, by account and key. */
export type Running = Map<string, string>;

/**
 * Begins a keyed request (docs.stripe.com/api/idempotent_requests): the stored first outcome, or
 * undefined when it is the first. 400 `idempotency_error` for other parameters, 409
 * `idempotency_key_in_use` beside a twin that is still being carried out.
 */
export function beginKeyed(
  emulator: Emulator,
  running: Running,
  request: KeyedRequest,
): StoredOutcome | undefined {
  const { key } = request;
  if (key.length > 255) {
    throw new StripeError(400, 'An idempotency key has at most 255 characters.', {
      beforeExecution: true,
    });
  }
  const print = fingerprint(request);
  const slot = slotOf(request);
  const stored = emulator.state.outcomes.get(slot);
  const known = stored?.fingerprint ?? running.get(slot);
  if (known !== undefined && known !== print) {
    const message = `The idempotency key '${key}' was first used for another request. Use a new key.`;
    throw new StripeError(400, message, { type: 'idempotency_error', beforeExecution: true });
  }
  if (running.has(slot)) {
    const message = `Another request with the idempotency key '${key}' is still in progress.`;
    throw new StripeError(409, message, {
      code: 'idempotency_key_in_use',
      type: 'idempotency_error',
      beforeExecution: true,
      shouldRetry: true,
    });
  }
  if (stored === undefined) running.set(slot, print);
  return stored;
}

/** Ends a keyed request; without an outcome nothing is stored and the key is free again. */
export function endKeyed(
  emulator: Emulator,
  running: Running,
  { request, outcome }: { request: KeyedRequest; outcome?: Omit<StoredOutcome, 'fingerprint'> },
): void {
  const slot = slotOf(request);
  running.delete(slot);
  if (outcome === undefined) return;
  emulator.state.outcomes.set(slot, { ...outcome, fingerprint: fingerprint(request) });
}

export function slotOf({ account, key }: Pick<KeyedRequest, 'account' | 'key'>): string {
  return `${account} ${key}`;
}

/** The order of parameters does not matter, everything else does. */
function fingerprint({ method, path, body }: KeyedRequest): string {
  const parameters = body.split('&').toSorted().join('&');
  return createHash('sha256').update(`${method} ${path}\n${parameters}`).digest('base64url');
}
