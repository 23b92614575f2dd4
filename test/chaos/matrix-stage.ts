import { randomUUID } from 'node:crypto';
import { bookingIdOf } from '../../src/api/identity.ts';
import type { BookingActivity } from './booking-activities.ts';
import type { Expected, Suspect } from '../support/checker.ts';
import type { FaultDesk } from '../support/fault-desk.ts';
import type { Answer, Holdfast } from '../support/holdfast.ts';
import type { BrowserAccount } from '../support/payer.ts';
import { at } from '../support/scene.ts';
import type { Shop } from '../support/shop.ts';

/** What flows of the matrix share: a house with its desk of faults, and one shop for each flow. */
export interface Stage {
  holdfast: Holdfast;
  desk: FaultDesk;
  account: BrowserAccount;
  /** Whether who looks in Temporal for runs that need a person finds this booking's. */
  found: (bookingId: string) => Promise<boolean>;
  /** Opened when it is first asked for. */
  shop: (name: string, open: () => Promise<Shop>) => Promise<Shop>;
}

/** A booking that is ready for its fault. */
export interface Cast {
  suspect: Suspect;
  /** How it ends when its fault passes, and how else it may when it does not. */
  goal: Expected;
  orElse: Expected[];
  /** Does what is looked at, and resolves when the API says that it is done. */
  go: () => Promise<void>;
}

/** A way through the sagas, with the activities on it that a fault can meet. */
export interface Flow {
  reaches: readonly BookingActivity[];
  prepare: (stage: Stage) => Promise<Cast>;
  /** Its fault is met only after a minute. */
  slow?: true;
}

export interface Draft {
  suspect: Suspect;
  /** Asks for it until there is an answer that stands. */
  ask: () => Promise<Answer>;
}

export function draft(
  { holdfast }: Stage,
  shop: Shop,
  payment: Record<string, unknown> = methodOf(shop),
): Draft {
  // An hour is left between two, for those that are moved by half of one.
  const hour = shop.nextHour;
  shop.nextHour += 3;
  const key = randomUUID();
  const startAt = at(3 + Math.floor(hour / 24), hour % 24);
  const { resourceId, calendarId } = shop;
  const endAt = later(startAt, 60);
  const body = { resourceId, startAt, endAt, payment };
  return {
    suspect: { id: bookingIdOf(holdfast.tenantId, key), resourceId, calendarId, startAt, endAt },
    ask: () => insist(holdfast, '/bookings', body, key),
  };
}

export const methodOf = ({ accountId }: Shop, paymentMethod = 'pm_card_visa') => ({
  kind: 'method',
  paymentMethod,
  accountId,
});

export const later = (instant: string, minutes: number): string =>
  new Date(Date.parse(instant) + minutes * 60_000).toISOString();

const PATIENCE_MS = 300_000;
const PAUSE_MS = 250;
const NOT_YET = /(in-progress|change-under-way|unavailable|overloaded)$/;

/** Posts under one key until the answer is no "not now"; a worker may be dead meanwhile. */
export function insist(
  holdfast: Holdfast,
  path: string,
  body: unknown,
  key: string = randomUUID(),
): Promise<Answer> {
  return patiently(
    () => holdfast.call('POST', path, body, { 'idempotency-key': key }),
    ({ status, body: said }) =>
      status < 500 && status !== 429 && !(status === 409 && NOT_YET.test(said.type)),
  );
}

/** Like `until`, with the patience that a matrix needs, and past errors of the way there. */
export async function patiently<T>(
  ask: () => Promise<T>,
  passes: (answer: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let last: unknown; ;) {
    try {
      const answer = await ask();
      if (passes(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`Never done; last: ${textOf(last)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

const textOf = (value: unknown): string =>
  value instanceof Error ? value.message : JSON.stringify(value)?.slice(0, 600);

export const readBooking = (holdfast: Holdfast, id: string) =>
  holdfast.call('GET', `/bookings/${id}`);

export const untilState = (holdfast: Holdfast, id: string, state: string): Promise<Answer> =>
  patiently(
    () => readBooking(holdfast, id),
    ({ body }) => body.state === state,
  );

/** Confirmed, and paid where it is paid by us. */
export async function stands(stage: Stage, { suspect, ask }: Draft): Promise<Draft> {
  const { holdfast } = stage;
  const answer = await ask();
  if (answer.status !== 201) throw new Error(`not held: ${JSON.stringify(answer.body)}`);
  await patiently(
    () => readBooking(holdfast, suspect.id),
    ({ body }) =>
      body.state === 'confirmed' && [null, 'captured'].includes(body.payment.status as string),
  );
  return { suspect, ask };
}

export function expect2xx(answer: Answer): void {
  if (answer.status >= 300) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
}

/** The bank refuses every capture of this booking, also one that is asked for again. */
export const refuseCapture = ({ holdfast }: Stage, bookingId: string): Promise<unknown> =>
  holdfast.control('POST', '/stripe/executions', {
    method: 'POST',
    path: '/capture$',
    bookingId,
    times: 20,
    status: 402,
  });

interface Intent {
  id: string;
  status: string;
  metadata: Record<string, string>;
}

/** The authorization of this booking's next capture is gone when that arrives. Armed by the answer. */
export async function lapseAtCapture({ holdfast }: Stage, bookingId: string): Promise<() => void> {
  const hold = `lapse-${bookingId}`;
  const script = { method: 'POST', path: '/capture$', bookingId, times: 1, hold };
  await holdfast.control('POST', '/stripe/executions', script);
  const lapse = async () => {
    await patiently(
      () => holdfast.control<{ waiting: number }>('GET', `/holds/${hold}`),
      ({ waiting }) => waiting > 0,
    );
    const { intents } = await holdfast.control<{ intents: Intent[] }>('GET', '/stripe/intents');
    const due = intents.find(
      ({ status, metadata }) =>
        status === 'requires_capture' && metadata['booking_id'] === bookingId,
    );
    if (due) await holdfast.control('POST', `/stripe/intents/${due.id}/lapse`, {});
    await holdfast.control('POST', `/holds/${hold}/release`);
  };
  // What does not come through is told by whoever waits for what follows.
  return () => void lapse().catch(() => undefined);
}
