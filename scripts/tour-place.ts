/** What the tour stands on: a running Holdfast, its clients and its emulators. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { createHoldfastClient, HoldfastError } from '../temporal/holdfast-client.ts';
import type { Booking, HoldfastClient } from '../temporal/holdfast-client.ts';
import { DEMO, VILLA_EVENTS_PATH } from './demo-names.ts';
import { findRunning } from './running.ts';
import type { Running } from './running.ts';

export interface Place {
  running: Running;
  holdfast: HoldfastClient;
  close: () => Promise<void>;
}

const DAY_MS = 86_400_000;
const WITHIN_MS = 20_000;

export async function openPlace(): Promise<Place> {
  const running = findRunning();
  await requireHoldfast(running);
  const connection = await Connection.connect({ address: running.temporalAddress });
  const client = new Client({ connection, namespace: running.temporalNamespace });
  const { apiUrl } = running;
  const holdfast = createHoldfastClient({ apiUrl, apiKey: DEMO.apiKey, temporal: { client } });
  return { running, holdfast, close: () => connection.close() };
}

async function requireHoldfast({ apiUrl }: Running) {
  const answer = await fetch(`${apiUrl}/readyz`).catch(() => null);
  if (answer?.ok) return;
  throw new Error(`Holdfast does not answer at ${apiUrl}: run npm start in another terminal.`);
}

/** Repeats the question until the answer passes, and tells how long that took from `startedAt`. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  passes: (answer: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    const answer = await ask();
    if (passes(answer)) return answer;
    if (performance.now() > deadline)
      throw new Error(`Not so within ${WITHIN_MS / 1000} s: ${what}. See .holdfast/logs.`);
    await sleep(5);
  }
}

/** Midnight (UTC) of the first of `days` days in a row that are wholly free, some months ahead. */
export async function firstFreeDay({ holdfast }: Place, resourceId: string, days: number) {
  const fromAt = Math.floor(Date.now() / DAY_MS) * DAY_MS + 90 * DAY_MS;
  const { spans = [] } = await holdfast.resources.availability(resourceId, {
    from: new Date(fromAt).toISOString(),
    to: new Date(fromAt + 300 * DAY_MS).toISOString(),
  });
  for (const span of spans) {
    const startAt = Math.ceil(Date.parse(span.startAt) / DAY_MS) * DAY_MS;
    if (startAt + days * DAY_MS <= Date.parse(span.endAt)) return startAt;
  }
  throw new Error(`${resourceId} has no ${days} free days: start over with npm start -- --fresh.`);
}

/** An instant so many hours after another. */
export const hoursAfter = (at: number, hours: number): string =>
  new Date(at + hours * 3_600_000).toISOString();

export async function isFree(
  { holdfast }: Place,
  resourceId: string,
  span: { startAt: string; endAt: string },
): Promise<boolean> {
  const { spans = [] } = await holdfast.resources.availability(resourceId, {
    from: span.startAt,
    to: span.endAt,
  });
  return spans.some((one) => one.startAt === span.startAt && one.endAt === span.endAt);
}

/** How many entries of the owner's calendar are this booking's mirror. */
export async function mirrorsOf({ running }: Place, booking: Booking): Promise<number> {
  const { events } = await control<{ events: { status: string }[] }>(running, {
    path: VILLA_EVENTS_PATH,
  });
  const mirrors = events.filter((event) => JSON.stringify(event).includes(booking.id));
  return mirrors.filter(({ status }) => status !== 'cancelled').length;
}

export async function control<T>(
  { emulatorsUrl }: Running,
  { method = 'GET', path, body }: { method?: string; path: string; body?: unknown },
): Promise<T> {
  const response = await fetch(`${emulatorsUrl}/control${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (response.ok) return (await response.json()) as T;
  throw new Error(`The emulators refused ${path}: ${await response.text()}`);
}

/** Null for a refusal by the given name; other refusals are thrown. */
export async function unlessRefused<T>(answer: Promise<T>, type: string): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof HoldfastError && error.type === type) return null;
    throw error;
  }
}

export const euros = (amountMinor: number): string => `${(amountMinor / 100).toFixed(2)} EUR`;
export const since = (startedAt: number): number => performance.now() - startedAt;

export function title(text: string) {
  console.log(`\n${text}`);
}

export function say(text: string, tookMs: number) {
  console.log(`  ${`${tookMs.toFixed(0)} ms`.padStart(8)}  ${text}`);
}

export function tellRun({ running }: Place, workflowId: string) {
  const { uiUrl, temporalNamespace } = running;
  const link = `${uiUrl}/namespaces/${temporalNamespace}/workflows/${encodeURIComponent(workflowId)}`;
  console.log(`            ${uiUrl ? link : workflowId}`);
}

export function expect(holds: boolean, what: string) {
  if (!holds) throw new Error(`This should be so, and is not: ${what}.`);
}
