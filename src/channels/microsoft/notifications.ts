import type { Hint, InboundRequest, Received } from '../channel-provider.ts';
import { Failure } from '../../domain/failure.ts';
import { objectFrom } from './client.ts';

/**
 * Our watch id and its secret, together in `clientState`: every notification carries it back, also
 * one that comes before the subscribe call has returned Graph's own id, and unlike an address it
 * stands in nobody's access log. At most 128 characters (subscription resource, `clientState`).
 */
export function clientStateOf({ watchId, secret }: { watchId: string; secret: string }): string {
  const state = `${watchId}.${secret}`;
  if (!readState(state)) throw new Failure({ kind: 'invalid', code: 'client-state-unsuitable' });
  return state;
}

const STATE = /^([\w-]{1,64})\.([\w+/=-]{1,100})$/;
const MAX_STATE_LENGTH = 128;

function readState(state: unknown): { watchId: string; secret: string } | null {
  if (typeof state !== 'string' || state.length > MAX_STATE_LENGTH) return null;
  const [, watchId, secret] = STATE.exec(state) ?? [];
  return watchId !== undefined && secret !== undefined ? { watchId, secret } : null;
}

/**
 * The handshake that proves an address is ours, or a batch of notifications, which may be of many
 * subscriptions. All of a batch is acknowledged: what is not understood would only be sent again.
 */
export function receive({ query, rawBody }: InboundRequest): Received {
  const token = query['validationToken'];
  if (token !== undefined) return handshake(token);
  const { value } = objectFrom(Buffer.from(rawBody).toString('utf8')) ?? {};
  if (!Array.isArray(value)) return { reply: { status: 400 }, hints: [] };
  const hints = new Map<string, Hint>();
  for (const one of value as unknown[]) {
    const hint = hintFrom(one);
    // Graph tells each changed event; one hint for a watch says as much.
    if (hint) hints.set(JSON.stringify(hint), hint);
  }
  return { reply: { status: 202 }, hints: [...hints.values()] };
}

/** Graph sends no markup, and an answer that echoed some could be turned against a reader. */
function handshake(token: string): Received {
  if (token.includes('<')) return { reply: { status: 400 }, hints: [] };
  return {
    reply: {
      status: 200,
      headers: { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' },
      body: token,
    },
    hints: [],
  };
}

/** Graph "lifecycle notifications": what each asks for. */
const KIND_BY_EVENT: Readonly<Record<string, Hint['kind']>> = {
  reauthorizationRequired: 'renew',
  subscriptionRemoved: 'lost',
  missed: 'changed',
};

function hintFrom(notification: unknown): Hint | null {
  if (typeof notification !== 'object' || notification === null) return null;
  const { clientState, lifecycleEvent, subscriptionId } = notification as Record<string, unknown>;
  const state = readState(clientState);
  if (!state) return null;
  const told = typeof lifecycleEvent === 'string' && Object.hasOwn(KIND_BY_EVENT, lifecycleEvent);
  return {
    ...state,
    kind: (told ? KIND_BY_EVENT[lifecycleEvent] : undefined) ?? 'changed',
    ...(isId(subscriptionId) && { nativeId: subscriptionId }),
  };
}

const isId = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w-]{1,128}$/.test(value);
