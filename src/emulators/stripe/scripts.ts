import type { Fault } from '../faults.ts';
import { scriptedDecline } from './cards.ts';
import type { Emulator, Play } from './emulator.ts';
import { AIM_FIELDS, checkPosted, meets, readAim, subjectOf } from './matching.ts';
import type { Aim, Subject } from './matching.ts';
import type { Form } from './form.ts';

/** What one request meets once its execution has begun. */
export type Script = {
  status?: number;
  body?: unknown;
  carriedOut: boolean;
  /** Waits before the act, and between act and answer. */
  delayMs?: number;
  answerDelayMs?: number;
  hold?: string;
  /** The connection is cut: after the act and its storing, or before anything was done. */
  answer?: 'lost' | 'not-done';
  play?: Play;
};

/** A script as kept: whom it meets (`match` is searched in `POST /v1/refunds`), and what then. */
export type ExecutionScript = Aim & { match: string } & Script;

const FIELDS = {
  ...AIM_FIELDS,
  match: 'string',
  method: 'string',
  path: 'string',
  status: 'number',
  carriedOut: 'boolean',
  delayMs: 'number',
  answerDelayMs: 'number',
  hold: 'string',
  answer: 'string',
  decline: 'string',
  processing: 'boolean',
  refund: 'string',
} as const;

/** Which payment a call is about: by the id in its path, or by what its parameters name. */
export function callSubject(emulator: Emulator, id: string, form: Form): Subject {
  const { payment_intent: intent, charge, metadata } = form;
  const charged = emulator.state.charges.get(asText(charge) ?? '')?.object.payment_intent;
  const known = subjectOf(emulator, id.startsWith('pi_') ? id : (asText(intent) ?? charged));
  const given = typeof metadata === 'object' && !Array.isArray(metadata) ? metadata : {};
  const bookingId = known.bookingId ?? asText(given['booking_id']);
  return { ...known, ...(bookingId === undefined ? {} : { bookingId }) };
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * What meets this request (`POST /v1/refunds`), counted as met: the first script that is for it,
 * and every share it is drawn for. A shared fault with `stored: true` is one too: its delay and
 * hold are already behind it.
 */
export function takeScript(
  emulator: Emulator,
  { request, subject }: { request: string; subject: Subject },
  fault: Fault | undefined,
): Script | undefined {
  if (fault?.stored === true) {
    return { status: fault.status ?? 500, body: fault.body, carriedOut: false };
  }
  const { scripts } = emulator.state;
  if (scripts.size === 0) return undefined;
  let found: Script | undefined;
  let single = false;
  for (const script of scripts.values()) {
    const isShare = script.share !== undefined;
    if ((single && !isShare) || !new RegExp(script.match).test(request)) continue;
    if (!meets(emulator, script, subject)) continue;
    scripts.set(script.id, { ...script, timesLeft: script.timesLeft - 1 });
    single ||= !isShare;
    found = found === undefined ? script : { ...script, ...found, ...added(found, script) };
  }
  return found;
}

/** Waits add up; of everything else the script that stands first has the say. */
function added(one: Script, other: Script): Partial<Script> {
  const delayMs = (one.delayMs ?? 0) + (other.delayMs ?? 0);
  const answerDelayMs = (one.answerDelayMs ?? 0) + (other.answerDelayMs ?? 0);
  return {
    delayMs,
    answerDelayMs,
    carriedOut: one.carriedOut || other.carriedOut,
    play: { ...other.play, ...one.play },
  };
}

/** Keeps a script as posted to the control API; throws a sentence for the person who wrote it. */
export function addScript(
  emulator: Emulator,
  posted: Record<string, unknown>,
  defaults: { status?: number },
): ExecutionScript {
  checkPosted(posted, FIELDS, 'A script');
  const { match, method, path, status = defaults.status, carriedOut, answer } = posted;
  const { delayMs, answerDelayMs, hold } = posted;
  if (answer !== undefined && answer !== 'lost' && answer !== 'not-done') {
    throw new TypeError('"answer" is "lost" (done, never told) or "not-done".');
  }
  const play = playOf(posted);
  const id = `script-${emulator.host.serial('stripe-script')}`;
  const script: ExecutionScript = {
    ...readAim(posted, id),
    match: typeof match === 'string' ? match : pattern(method, path),
    ...(status === undefined ? {} : { status: Number(status) }),
    carriedOut: carriedOut === true,
    ...(delayMs === undefined ? {} : { delayMs: Number(delayMs) }),
    ...(answerDelayMs === undefined ? {} : { answerDelayMs: Number(answerDelayMs) }),
    ...(typeof hold === 'string' ? { hold } : {}),
    ...(answer === undefined ? {} : { answer }),
    ...(Object.keys(play).length === 0 ? {} : { play }),
  };
  new RegExp(script.match);
  emulator.state.scripts.set(id, script);
  return script;
}

function pattern(method: unknown, path: unknown): string {
  const verb = typeof method === 'string' ? method.toUpperCase() : '[A-Z]+';
  return `^${verb} .*(?:${typeof path === 'string' ? path : ''})`;
}

function playOf({ decline, processing, refund }: Record<string, unknown>): Play {
  if (refund !== undefined && refund !== 'pending' && refund !== 'fails-later') {
    throw new TypeError('"refund" is "pending" or "fails-later".');
  }
  const found = typeof decline === 'string' ? scriptedDecline(decline) : undefined;
  if (decline !== undefined && found === undefined) {
    throw new TypeError('"decline" is the name of a card that declines, as chargeDeclined.');
  }
  return {
    ...(found === undefined ? {} : { decline: found }),
    ...(processing === true ? { processing } : {}),
    ...(refund === undefined ? {} : { refund }),
  };
}
