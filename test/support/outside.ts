import { until, type Holdfast } from './holdfast.ts';

/** What a test makes the emulated outside do, and what it reads of what happened there. */
export interface FaultScript {
  host: 'stripe' | 'google' | 'microsoft' | 'caldav' | 'feeds';
  method?: string;
  path?: string;
  times?: number;
  skip?: number;
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  delayMs?: number;
  drop?: 'before' | 'after';
  hold?: string;
  holdAt?: 'before' | 'after';
  stored?: boolean;
}

/** The calls of a paid booking at Stripe. */
export const STRIPE_CALLS = {
  create: { host: 'stripe', method: 'POST', path: '/v1/payment_intents$' },
  confirm: { host: 'stripe', method: 'POST', path: '/confirm$' },
  capture: { host: 'stripe', method: 'POST', path: '/capture$' },
  cancel: { host: 'stripe', method: 'POST', path: '/cancel$' },
  refund: { host: 'stripe', method: 'POST', path: '/v1/refunds$' },
} as const satisfies Record<string, FaultScript>;
export type StripeCall = keyof typeof STRIPE_CALLS;

/** Reads of a calendar's feed. */
export const listCalls = (calendarId: string): FaultScript => ({
  host: 'google',
  method: 'GET',
  path: `/calendars/${encodeURIComponent(calendarId)}/events(\\?|$)`,
});

export const fault = async (holdfast: Holdfast, script: FaultScript): Promise<string> =>
  (await holdfast.control<{ id: string }>('POST', '/faults', script)).id;

export const liftFaults = async (holdfast: Holdfast): Promise<void> =>
  void (await holdfast.control('DELETE', '/faults'));

/** How often a scripted fault was met. */
export async function hitsOf(holdfast: Holdfast, id: string): Promise<number> {
  const { faults } = await holdfast.control<{ faults: { id: string; hits: number }[] }>(
    'GET',
    '/faults',
  );
  return faults.find((one) => one.id === id)?.hits ?? 0;
}

export const untilHeld = async (holdfast: Holdfast, name: string, count = 1): Promise<void> =>
  void (await until(
    () => holdfast.control<{ waiting: number }>('GET', `/holds/${name}`),
    ({ waiting }) => waiting >= count,
  ));

export const release = async (holdfast: Holdfast, name: string): Promise<void> =>
  void (await holdfast.control('POST', `/holds/${name}/release`));

export interface RecordEntry {
  n: number;
  at: string;
  host: string;
  method?: string;
  path?: string;
  query?: Record<string, string>;
  status?: number;
  [detail: string]: unknown;
}

/** What was asked of a host since entry number `since`. */
export async function recorded(
  holdfast: Holdfast,
  options: { host: string; since?: number },
): Promise<RecordEntry[]> {
  const { entries } = await holdfast.control<{ entries: RecordEntry[] }>(
    'GET',
    `/record?host=${options.host}&since=${options.since ?? 0}`,
  );
  return entries;
}

export async function recordEnd(holdfast: Holdfast): Promise<number> {
  const { last } = await holdfast.control<{ last: number }>('GET', '/record?limit=0');
  return last;
}

/** Reads of one calendar's feed since an entry. */
export async function listsSince(
  holdfast: Holdfast,
  calendarId: string,
  since: number,
): Promise<RecordEntry[]> {
  const { path } = listCalls(calendarId);
  const pattern = new RegExp(path!.replace('(\\?|$)', '$'));
  const entries = await recorded(holdfast, { host: 'google', since });
  return entries.filter(
    ({ method, path: asked }) => method === 'GET' && pattern.test((asked ?? '').split('?')[0]!),
  );
}
