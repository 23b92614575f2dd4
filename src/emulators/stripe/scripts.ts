import type { Fault } from '../faults.ts';
import type { Emulator } from './emulator.ts';
import type { ExecutionScript } from './state.ts';

/** What one request meets once its execution has begun. */
export type Script = {
  status?: number;
  body?: unknown;
  carriedOut: boolean;
  delayMs?: number;
  hold?: string;
};

/**
 * The script that meets this request (`POST /v1/refunds`), counted as met. A shared fault with
 * `stored: true` is one too: its delay and hold are already behind it.
 */
export function takeScript(
  emulator: Emulator,
  request: string,
  fault: Fault | undefined,
): Script | undefined {
  if (fault?.stored === true) {
    return { status: fault.status ?? 500, body: fault.body, carriedOut: false };
  }
  const { scripts } = emulator.state;
  if (scripts.size === 0) return undefined;
  for (const script of scripts.values()) {
    if (script.timesLeft === 0 || !new RegExp(script.match).test(request)) continue;
    scripts.set(script.id, { ...script, timesLeft: script.timesLeft - 1 });
    return script;
  }
  return undefined;
}

const FIELDS = ['match', 'times', 'status', 'carriedOut', 'delayMs', 'hold'];

/** Keeps a script as posted to the control API; throws a sentence for the person who wrote it. */
export function addScript(
  emulator: Emulator,
  posted: Record<string, unknown>,
  defaults: { status?: number },
): ExecutionScript {
  const unknown = Object.keys(posted).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`A script has no "${unknown}". Known: ${FIELDS.join(', ')}.`);
  }
  const { match = '', times = 1, status = defaults.status, carriedOut = false } = posted;
  const { delayMs, hold } = posted;
  const script: ExecutionScript = {
    id: `script-${emulator.host.serial('stripe-script')}`,
    match: String(match),
    timesLeft: Number(times),
    ...(status === undefined ? {} : { status: Number(status) }),
    carriedOut: carriedOut === true,
    ...(delayMs === undefined ? {} : { delayMs: Number(delayMs) }),
    ...(typeof hold === 'string' ? { hold } : {}),
  };
  new RegExp(script.match);
  emulator.state.scripts.set(script.id, script);
  return script;
}
