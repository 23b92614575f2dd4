import { bookingIdOf } from '../../src/api/identity.ts';
import { untilSettled, type Suspect } from '../support/checker.ts';
import { until, type Answer, type Holdfast } from '../support/holdfast.ts';
import { addBrowserAccount, type BrowserAccount } from '../support/payer.ts';
import { addResource, connectGoogle, DAY_MS, type Scene } from '../support/scene.ts';
import { insist } from './matrix-stage.ts';
import {
  CAPACITY,
  FEE_PERCENT,
  freeOf,
  isOurs,
  PLACES,
  PRICE_MINOR,
  SLOTS,
  spotOf,
  type Model,
  type ModelBooking,
  type Place,
  type Spot,
} from './booking-model.ts';

/** The same places in a running Holdfast. Each run has days of its own, so that none is reset. */
export interface World {
  holdfast: Holdfast;
  account: BrowserAccount;
  ids: Record<Place, string>;
  desk: Scene;
  /** The first day that no run has used. */
  nextDay: number;
  attempts: number;
}

export interface Real {
  world: World;
  day: number;
  /** Of the tour, by slot. */
  sessions: string[];
  /** Of the run's next request that makes something. */
  nextKey: () => string;
}

const HOUR_MS = 3_600_000;
/** A stay of the last slot leaves on the day after. */
const DAYS_EACH = SLOTS + 1;
const FIRST_DAY = 3;
/** Calendars are known for a year and some. */
const LAST_DAY = 300;
const CHECK_IN_HOUR = 15;
const CHECK_OUT_HOUR = 11;

export async function openWorld(holdfast: Holdfast): Promise<World> {
  const account = await addBrowserAccount(holdfast);
  const price = { per: 'unit', amountMinor: PRICE_MINOR, currency: 'eur' };
  const common = {
    price,
    holdTtlMs: 600_000,
    holdExtension: { byMs: 60_000, times: 1 },
    cancellation: [{ beforeMs: 0, feePercent: FEE_PERCENT, feeMinor: 0 }],
  };
  const nights = { checkIn: `${CHECK_IN_HOUR}:00`, checkOut: `${CHECK_OUT_HOUR}:00` };
  const own: Partial<Record<Place, object>> = {
    stay: { soldBy: 'night', nights, price: { ...price, per: 'night' } },
    tour: { soldBy: 'session' },
  };
  const made = PLACES.map(async (place): Promise<[Place, string]> => {
    const capacity = place === 'tour' ? 1 : CAPACITY[place];
    const settings = { ...common, ...own[place] };
    return [place, await addResource(holdfast, { timeZone: 'UTC', capacity, settings })];
  });
  const ids = Object.fromEntries(await Promise.all(made)) as World['ids'];
  for (const room of [ids['room-1'], ids['room-2']])
    await insist(holdfast, `/resources/${ids.villa}/links`, { linkedId: room, kind: 'part' });
  const desk = await connectGoogle(holdfast, { resourceId: ids.desk });
  const narrowed = ofAccount(holdfast, account);
  return { holdfast: narrowed, account, ids, desk, nextDay: FIRST_DAY, attempts: 0 };
}

/** The world's money alone: the record of hours of play would be read again after each run. */
const ofAccount = (holdfast: Holdfast, { service }: BrowserAccount): Holdfast => ({
  ...holdfast,
  control: (method, path, body) =>
    holdfast.control(
      method,
      path.startsWith('/stripe/effects?') ? `${path}&account=${service}` : path,
      body,
    ),
});

export const isUsedUp = ({ nextDay }: World): boolean => nextDay + DAYS_EACH > LAST_DAY;

let runs = 0;

export async function openRun(world: World): Promise<Real> {
  const day = world.nextDay;
  world.nextDay += DAYS_EACH;
  runs += 1;
  let keys = 0;
  const run = runs;
  const real: Real = {
    world,
    day,
    sessions: [],
    nextKey: () => `run-${run}-${(keys += 1)}`,
  };
  const sessions = Array.from({ length: SLOTS }, (_, slot) => ({
    ...spanOf(real, { place: 'tour', slot }),
    capacity: CAPACITY.tour,
  }));
  const path = `/resources/${world.ids.tour}/sessions`;
  const { status, body } = await insist(world.holdfast, path, { sessions });
  if (status !== 201) throw new Error(`no sessions: ${JSON.stringify(body)}`);
  real.sessions = (body.sessions as { id: string }[]).map(({ id }) => id);
  return real;
}

const instant = (day: number, hour: number): string =>
  new Date(Math.floor(Date.now() / DAY_MS + day) * DAY_MS + hour * HOUR_MS).toISOString();

export const spanOf = ({ day }: Pick<Real, 'day'>, { place, slot }: Spot) =>
  place === 'stay'
    ? {
        startAt: instant(day + slot, CHECK_IN_HOUR),
        endAt: instant(day + slot + 1, CHECK_OUT_HOUR),
      }
    : { startAt: instant(day, 8 + slot), endAt: instant(day, 9 + slot) };

/** As a caller says it: by session, by days, or by instants. */
export function timeOf(real: Real, spot: Spot): Record<string, unknown> {
  const span = spanOf(real, spot);
  if (spot.place === 'tour') return { sessionId: real.sessions[spot.slot] };
  if (spot.place !== 'stay') return span;
  return { arrivalDay: span.startAt.slice(0, 10), departureDay: span.endAt.slice(0, 10) };
}

export const post = (real: Real, path: string, body: object, key = real.nextKey()) =>
  insist(real.world.holdfast, path, body, key);

export const idFor = ({ world: { holdfast } }: Real, key: string): string =>
  bookingIdOf(holdfast.tenantId, key);

export const read = ({ world: { holdfast } }: Real, id: string): Promise<Answer> =>
  holdfast.call('GET', `/bookings/${id}`);

const SETTLED_MS = 60_000;

/** Until the service has done what it does by itself. */
export const untilRead = (
  real: Real,
  id: string,
  passes: (body: Answer['body']) => boolean,
): Promise<Answer> =>
  until(
    () => read(real, id),
    ({ status, body }) => status === 200 && passes(body),
    SETTLED_MS,
  );

/** Where availability, or the session itself, says otherwise than the model. */
export async function differences(model: Model, real: Real): Promise<string[]> {
  const spots = PLACES.flatMap((place) =>
    Array.from({ length: SLOTS }, (_, slot): Spot => ({ place, slot })),
  );
  const wrong = spots.map(async (spot) => {
    const free = freeOf(model, spot);
    const told = await freeAsTold(real, spot, free);
    return told === free ? [] : [`${spotOf(spot)}: ${told} free, and should be ${free}`];
  });
  return (await Promise.all(wrong)).flat();
}

/** Asked for as many as there should be, and for one more. */
async function freeAsTold(real: Real, spot: Spot, expected: number): Promise<number> {
  const { holdfast, ids } = real.world;
  const resourceId = ids[spot.place];
  if (spot.place === 'tour') {
    const path = `/resources/${resourceId}/sessions/${real.sessions[spot.slot]}`;
    return (await holdfast.call('GET', path)).body.placesLeft as number;
  }
  const { startAt, endAt } = spanOf(real, spot);
  const isFree = async (party: number): Promise<boolean> => {
    const as = spot.place === 'stay' ? 'as=stays&nights=1' : 'as=spans&durationMinutes=60';
    const query = `from=${startAt}&to=${endAt}&party=${party}&${as}`;
    const { status, body } = await holdfast.call(
      'GET',
      `/resources/${resourceId}/availability?${query}`,
    );
    if (status !== 200) throw new Error(`availability ${status}: ${JSON.stringify(body)}`);
    const list = (body.stays ?? body.spans) as { startAt: string }[];
    return list.some((one) => one.startAt === startAt);
  };
  if (expected > 0 && !(await isFree(expected))) return expected - 1;
  const more = expected < CAPACITY[spot.place] && (await isFree(expected + 1));
  return more ? expected + 1 : expected;
}

/** Everything that is still held is given up; then all must be as the model says, by outside records. */
export async function judgeRun(model: Model, real: Real): Promise<void> {
  const { holdfast, desk } = real.world;
  for (const booking of model.bookings.filter(({ state }) => state === 'held')) {
    const { body } = await post(real, `/bookings/${booking.id}/cancel`, {});
    if (body.state !== 'cancelled') throw new Error(`not given up: ${JSON.stringify(body)}`);
    booking.state = 'cancelled';
  }
  const wrong = await differences(model, real);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  await untilSettled(
    holdfast,
    model.bookings.map((booking) => suspectOf(real, booking, desk)),
    SETTLED_MS,
  );
}

const suspectOf = (real: Real, booking: ModelBooking, desk: Scene): Suspect => ({
  id: booking.id,
  resourceId: real.world.ids[booking.place],
  calendarId: booking.place === 'desk' ? desk.calendarId : null,
  ...spanOf(real, booking),
  expected: {
    state: booking.state,
    keptMinor: isOurs(booking) ? booking.keptMinor : 0,
    priceMinor: booking.priceMinor,
  },
  // What availability says of it was compared with the model.
  isShared: true,
});
