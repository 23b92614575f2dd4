import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from './error.ts';
import type { Problem } from './types.ts';

export interface Access {
  apiUrl: string;
  apiKey: string;
  /** How long a call may take, its repetitions included. */
  timeoutMs: number;
}

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/v1`, with its ids encoded. */
  path: string;
  query?: object | undefined;
  body?: unknown;
  idempotencyKey?: string;
  /** How long the server is asked to wait for the outcome. */
  waitSeconds?: number | undefined;
}

const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const GATEWAY_TROUBLE = [429, 502, 503, 504];

/**
 * One call, repeated with the same body and Idempotency-Key where no answer came or the answer asks
 * for it. Every call of this client may be repeated: those that create carry a key.
 * @throws HoldfastError
 */
export async function request<T>(access: Access, call: Call): Promise<T> {
  const deadline = performance.now() + access.timeoutMs + (call.waitSeconds ?? 0) * 1_000;
  let refusal: HoldfastError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const { value, error, retryAfterMs } = await attemptOnce<T>(access, call, deadline);
    if (!error) return value as T;
    if (error.status > 0) refusal = error;
    const pauseMs = Math.max(retryAfterMs ?? 0, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    const jitteredMs = Math.min(pauseMs, LONGEST_PAUSE_MS) * (1 + Math.random() * 0.2);
    const late = performance.now() + jitteredMs > deadline;
    // What was said before tells more than that time ran out.
    if (retryAfterMs === null || late || attempt === ATTEMPTS) throw refusal ?? error;
    await sleep(jitteredMs);
  }
}

/** `retryAfterMs` null: asking again would not help. */
type Attempt<T> =
  | { value: T; error?: undefined; retryAfterMs?: undefined }
  | { value?: undefined; error: HoldfastError; retryAfterMs: number | null };

async function attemptOnce<T>(access: Access, call: Call, deadline: number): Promise<Attempt<T>> {
  const leftMs = Math.max(Math.ceil(deadline - performance.now()), 1);
  const asked: RequestInit = {
    method: call.method,
    headers: headersOf(access, call),
    signal: AbortSignal.timeout(leftMs),
    redirect: 'error',
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  };
  let response: Response;
  let text: string;
  try {
    response = await fetch(addressOf(access, call), asked);
    text = await response.text();
  } catch (cause) {
    return { error: unreachable(access, cause), retryAfterMs: 0 };
  }
  const value = text === '' ? undefined : parsed(text);
  if (response.ok && value !== null) return { value: value as T };
  return { error: problemOf(response.status, text), retryAfterMs: retryAfterMsOf(response) };
}

function addressOf({ apiUrl }: Access, { path, query }: Call): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) search.set(name, String(value));
  return `${apiUrl.replace(/\/+$/, '')}/v1${path}${search.size > 0 ? `?${search.toString()}` : ''}`;
}

const headersOf = ({ apiKey }: Access, call: Call): Record<string, string> => ({
  authorization: `Bearer ${apiKey}`,
  accept: 'application/json',
  ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
  ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
  ...(call.waitSeconds === undefined ? {} : { prefer: `wait=${call.waitSeconds}` }),
});

/** A conflict is worth repeating only where the server says when. */
function retryAfterMsOf({ status, headers }: Response): number | null {
  const seconds = headers.get('retry-after');
  if (!GATEWAY_TROUBLE.includes(status) && !(status === 409 && seconds !== null)) return null;
  return (Number(seconds) || 0) * 1_000;
}

function problemOf(status: number, text: string): HoldfastError {
  const { type, title, detail, instance, ...rest } = membersOf(text);
  const name = typeof type === 'string' && /^\/problems\/([a-z-]+)$/.exec(type)?.[1];
  if (!name)
    return new HoldfastError({
      type: 'no-problem',
      status,
      title: `Status ${status} without a problem`,
      detail: 'Whoever answered is not Holdfast: check apiUrl and what stands between.',
    });
  const { status: _, ...more } = rest;
  const told = { title: String(title), detail: String(detail), instance: String(instance) };
  return new HoldfastError({ type: name as Problem, status, ...told, more });
}

const membersOf = (text: string): Record<string, unknown> => ({ ...parsed(text) });

/** Null when it is no JSON object. */
function parsed(text: string): object | null {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' ? body : null;
  } catch {
    return null;
  }
}

const unreachable = ({ apiUrl }: Access, cause: unknown): HoldfastError =>
  new HoldfastError({
    type: 'unreachable',
    status: 0,
    title: 'Holdfast does not answer',
    detail: `Check that ${apiUrl} is up, then repeat with the same idempotency key.`,
    cause,
  });
