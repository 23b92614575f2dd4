import { askIssuer } from './confirm.ts';
import type { Emulator } from './emulator.ts';
import { StripeError } from './errors.ts';
import { saveIntent } from './moves.ts';
import { failPayment, provider } from './time.ts';
import type { IntentRow } from './state.ts';

/** What came of a customer's try at the bank's page. */
export type Tried = { code: string | undefined; message: string } | null;

/**
 * The customer passes; intents confirmed by hand wait for the server once more. A decline that
 * follows is an outcome: answered, not thrown.
 */
export function passAuthentication(emulator: Emulator, row: IntentRow): Tried {
  const { attempt: _over, ...rest } = row;
  const method = emulator.state.methods.get(row.object.payment_method ?? '');
  if (method === undefined) throw new StripeError(400, 'The intent has no payment method.');
  const next = { ...rest, authenticated: true, object: { ...row.object, next_action: null } };
  if (row.object.confirmation_method === 'manual') {
    saveIntent(emulator, { ...next, object: { ...next.object, status: 'requires_confirmation' } });
    return null;
  }
  return declineOf(() => askIssuer(emulator, provider(row), { row: next, method }));
}

export function failAuthentication(
  emulator: Emulator,
  { attempt: _over, ...row }: IntentRow,
): Tried {
  const failure = {
    code: 'payment_intent_authentication_failure',
    message: 'The customer did not pass authentication.',
  };
  failPayment(emulator, row, failure);
  return failure;
}

/** A decline is an outcome of what the customer did, not a mistake of the caller. */
export function declineOf(act: () => unknown): Tried {
  try {
    act();
    return null;
  } catch (error) {
    if (!(error instanceof StripeError) || error.status !== 402) throw error;
    return { code: error.detail.code, message: error.message };
  }
}
