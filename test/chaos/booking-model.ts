/**
 * What bookings do, told again in memory: a few places on four slots of one day each, who has what
 * of them, and what is kept of the money. It knows kinds of answers and no ids but those it is told.
 */
export const PLACES = ['chair', 'villa', 'room-1', 'room-2', 'stay', 'desk', 'tour'] as const;
export type Place = (typeof PLACES)[number];
/** Units; places of each session of the tour. */
export const CAPACITY: Record<Place, number> = {
  chair: 3,
  villa: 1,
  'room-1': 1,
  'room-2': 1,
  stay: 1,
  desk: 1,
  tour: 4,
};
export const SLOTS = 3;
/** For each unit. */
export const PRICE_MINOR = 5_000;
/** Kept of a booking that is called off. */
export const FEE_PERCENT = 10;

/** A booking of the villa takes its rooms, and the other way round. */
const LINKED: Partial<Record<Place, readonly Place[]>> = {
  villa: ['room-1', 'room-2'],
  'room-1': ['villa'],
  'room-2': ['villa'],
};

export const PAYMENTS = ['method', 'declined', 'lost', 'browser', 'external'] as const;
export type Payment = (typeof PAYMENTS)[number];

export interface Spot {
  place: Place;
  slot: number;
}

export interface ModelBooking extends Spot {
  id: string;
  party: number;
  units: number[];
  payment: Payment;
  state: 'held' | 'confirmed' | 'declined' | 'cancelled';
  priceMinor: number;
  /** By us; what was paid elsewhere is not ours to count. */
  keptMinor: number;
  /** An outside event lies over the hold. */
  isContested: boolean;
  extensions: number;
}

export interface Model {
  bookings: ModelBooking[];
  blocks: (Spot & { id: string; unit: number | null })[];
  /** Of the desk's outside calendar. */
  events: { nativeId: string; slot: number }[];
}

export const emptyModel = (): Model => ({ bookings: [], blocks: [], events: [] });

export const isLive = ({ state }: ModelBooking): boolean =>
  state === 'held' || state === 'confirmed';

export const isOurs = ({ payment }: Pick<ModelBooking, 'payment'>): boolean =>
  payment !== 'external';

export const spotOf = ({ place, slot }: Spot): string => `${place} ${slot}`;

const takenHere = (model: Model, spot: Spot, except: ModelBooking | null): ModelBooking[] =>
  model.bookings.filter((one) => one !== except && isLive(one) && spotOf(one) === spotOf(spot));

/** Places of the tour that are left, or units of anything else that are free for the whole slot. */
export function freeOf(model: Model, spot: Spot, except: ModelBooking | null = null): number {
  const { place, slot } = spot;
  const taken = takenHere(model, spot, except);
  if (place === 'tour') return CAPACITY.tour - taken.reduce((sum, one) => sum + one.party, 0);
  const blocks = model.blocks.filter((one) => spotOf(one) === spotOf(spot));
  if (blocks.some(({ unit }) => unit === null)) return 0;
  if (place === 'desk' && model.events.some((event) => event.slot === slot)) return 0;
  const isLinkedTaken = (LINKED[place] ?? []).some(
    (other) =>
      takenHere(model, { place: other, slot }, except).length > 0 ||
      model.blocks.some((one) => spotOf(one) === spotOf({ place: other, slot })),
  );
  if (isLinkedTaken) return 0;
  const units = new Set([...taken.flatMap((one) => one.units), ...blocks.map(({ unit }) => unit)]);
  return CAPACITY[place] - units.size;
}

/** Whether the units that the service says it gave were free. */
export function mayHave(
  model: Model,
  spot: Spot,
  { units, party, except = null }: { units: number[]; party: number; except?: ModelBooking | null },
): boolean {
  if (spot.place === 'tour') return units.length === 0;
  const taken = [
    ...takenHere(model, spot, except).flatMap((one) => one.units),
    ...model.blocks.filter((one) => spotOf(one) === spotOf(spot)).map(({ unit }) => unit),
  ];
  return new Set(units).size === party && units.every((unit) => !taken.includes(unit));
}

/** The refusals that name what stands in the way; empty when nothing does. */
export function refusalsOf(
  model: Model,
  spot: Spot,
  { party, except = null }: { party: number; except?: ModelBooking | null },
): string[] {
  const { place } = spot;
  if (party > CAPACITY[place]) return ['too-large'];
  if (party <= freeOf(model, spot, except)) return [];
  if (place === 'tour') return ['session-full'];
  // Of several reasons the service may name any.
  return ['taken', 'blocked', ...(place === 'desk' ? ['busy'] : ['linked-taken'])];
}

export const feeOf = ({ priceMinor, keptMinor }: ModelBooking): number =>
  Math.min(Math.ceil((priceMinor * FEE_PERCENT) / 100), keptMinor);
