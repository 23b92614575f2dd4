import { createHash } from 'node:crypto';
import type { Emulator } from './emulator.ts';

/** Which payment a call or an event is about. */
export type Subject = { intent?: string; bookingId?: string };

/** What scripts and webhook faults have in common: whom they meet, and how often. */
export type Aim = {
  id: string;
  timesLeft: number;
  intent?: string;
  bookingId?: string;
  /** Of all that match, this part is met (0 to 1), drawn from `seed`. */
  share?: number;
  seed: string;
  /** One draw for a whole booking, or one for each call. */
  per: 'booking' | 'call';
  /** How often one booking is met at most. */
  timesEach: number;
};

/** What a test may post of an `Aim`, with the type of each. */
export const AIM_FIELDS = {
  times: 'number',
  intent: 'string',
  bookingId: 'string',
  share: 'number',
  seed: 'string',
  per: 'string',
  timesEach: 'number',
} as const;

const UNLIMITED = 1_000_000_000;

/** The intent with this id and the booking that its metadata names. */
export function subjectOf({ state }: Emulator, intent: string | undefined): Subject {
  const known = state.intents.get(intent ?? '');
  if (known === undefined) return {};
  const bookingId = known.object.metadata['booking_id'];
  return { intent: known.object.id, ...(bookingId === undefined ? {} : { bookingId }) };
}

/** Reads an aim as posted. A share meets without limit unless told; anything else, once. */
export function readAim(posted: Record<string, unknown>, id: string): Aim {
  const { times, intent, bookingId, share, seed, per, timesEach } = posted;
  if (share !== undefined && !(Number(share) >= 0 && Number(share) <= 1)) {
    throw new TypeError('"share" is from 0 to 1.');
  }
  if (per !== undefined && per !== 'booking' && per !== 'call') {
    throw new TypeError('"per" is "booking" or "call".');
  }
  const usual = share === undefined ? 1 : UNLIMITED;
  return {
    id,
    timesLeft: times === undefined ? usual : Number(times),
    ...(typeof intent === 'string' ? { intent } : {}),
    ...(typeof bookingId === 'string' ? { bookingId } : {}),
    ...(share === undefined ? {} : { share: Number(share) }),
    seed: typeof seed === 'string' ? seed : id,
    per: per ?? (share === undefined ? 'call' : 'booking'),
    timesEach: Number(timesEach ?? (share === undefined ? UNLIMITED : 1)),
  };
}

/** Throws a sentence for a person when something posted has a name or a type that is not known. */
export function checkPosted(
  posted: Record<string, unknown>,
  fields: Record<string, 'string' | 'number' | 'boolean' | 'any'>,
  what: string,
): void {
  for (const [name, value] of Object.entries(posted)) {
    const kind = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (kind === undefined) {
      throw new TypeError(`${what} has no "${name}". Known: ${Object.keys(fields).join(', ')}.`);
    }
    // oxlint-disable-next-line valid-typeof -- The kinds are those of typeof.
    if (kind !== 'any' && typeof value !== kind) throw new TypeError(`"${name}" is a ${kind}.`);
  }
}

/** Whether the aim meets this subject now; counts it where a booking has its own limit. */
export function meets({ state }: Emulator, aim: Aim, { intent, bookingId }: Subject): boolean {
  if (aim.timesLeft <= 0) return false;
  if (aim.intent !== undefined && aim.intent !== intent) return false;
  if (aim.bookingId !== undefined && aim.bookingId !== bookingId) return false;
  const one = bookingId ?? intent;
  if (aim.share !== undefined && !isDrawn(aim, state.met, one)) return false;
  if (one === undefined || aim.timesEach >= UNLIMITED) return true;
  const slot = `${aim.id} ${one}`;
  const met = state.met.get(slot) ?? 0;
  if (met >= aim.timesEach) return false;
  state.met.set(slot, met + 1);
  return true;
}

/** The same seed draws the same bookings, in whatever order they come. */
function isDrawn(aim: Aim, met: Emulator['state']['met'], one: string | undefined): boolean {
  const { id, share = 1, seed, per } = aim;
  if (per === 'booking' && one !== undefined) return fraction(`${seed}:${one}`) < share;
  const slot = `${id} draws`;
  const draw = met.get(slot) ?? 0;
  met.set(slot, draw + 1);
  return fraction(`${seed}:${draw}`) < share;
}

/** From 0 up to 1, evenly spread. */
function fraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
