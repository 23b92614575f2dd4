import { setTimeout as sleep } from 'node:timers/promises';
import type { Http } from '../bench/http.ts';
import { foldEffects, readEffects } from './effects.ts';

/** How a sale ended, as the API and the payment service's own record say. */
export interface SaleEnd {
  sold: number;
  /** Bookings by state. */
  states: Record<string, number>;
  /** Empty when exactly the places were sold, each paid once, and nobody else paid. */
  wrong: string[];
}

interface Sold {
  id: string;
  state: string;
  party: number;
  units: number[];
  owedMinor: number;
  attentions: string[];
  payment: { status: string | null; capturedMinor: number; refundedMinor: number };
}

interface JudgedSale {
  kind: 'units' | 'session';
  places: number;
  resourceId: string;
  /** The account at the payment service; nobody else sells through it. */
  service: string;
}

interface Judging {
  http: Http;
  emulators: Http;
  auth: { authorization: string };
}

const PAUSE_MS = 500;
const SETTLED_WITHIN_MS = 60_000;

/** Waits until nothing is wrong; says what is, when that takes too long. */
export async function judgeSale(judging: Judging, sale: JudgedSale): Promise<SaleEnd> {
  const deadline = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const end = await look(judging, sale);
    if (end.wrong.length === 0 || performance.now() > deadline) return end;
    await sleep(PAUSE_MS);
  }
}

async function look(
  judging: Judging,
  { kind, places, resourceId, service }: JudgedSale,
): Promise<SaleEnd> {
  const bookings = await bookingsOf(judging, resourceId);
  const known = new Set(bookings.map(({ id }) => id));
  const control = <T>(_: string, path: string): Promise<T> =>
    judging.emulators.ask({ path: `/control${path}&account=${service}` }, 200);
  const effects = await readEffects({ control });
  const states: SaleEnd['states'] = {};
  const wrong: string[] = [];
  for (const booking of bookings) {
    states[booking.state] = (states[booking.state] ?? 0) + 1;
    wrong.push(...faultsOf(booking, foldEffects(effects.get(booking.id) ?? [])));
  }
  const confirmed = bookings.filter(({ state }) => state === 'confirmed');
  const sold = confirmed.reduce((sum, { party }) => sum + party, 0);
  if (sold !== places) wrong.push(`${sold} sold of ${places}`);
  const units = new Set(confirmed.flatMap((one) => one.units));
  if (kind === 'units' && units.size !== sold) wrong.push(`${sold} sold on ${units.size} units`);
  for (const id of effects.keys())
    if (!known.has(id)) wrong.push(`${id} was charged, and is no booking`);
  return { sold, states, wrong };
}

function faultsOf(booking: Sold, money: ReturnType<typeof foldEffects>): string[] {
  const { state, owedMinor, payment, attentions } = booking;
  const isSold = state === 'confirmed';
  const wrong = [...money.doubled];
  if (!isSold && !['declined', 'expired', 'cancelled'].includes(state))
    wrong.push(`still ${state}`);
  if (attentions.length > 0) wrong.push(`a person is called: ${attentions.join(', ')}`);
  if (money.keptMinor !== owedMinor) wrong.push(`${money.keptMinor} kept of ${owedMinor} owed`);
  if (isSold !== money.keptMinor > 0) wrong.push(`${state} with ${money.keptMinor} kept`);
  if (money.openMinor !== 0) wrong.push(`${money.openMinor} neither taken nor let go`);
  if (money.captures > 1) wrong.push('captured twice');
  if (payment.capturedMinor - payment.refundedMinor !== money.keptMinor)
    wrong.push(`the ledger says ${payment.capturedMinor} - ${payment.refundedMinor}`);
  return wrong.map((fault) => `${booking.id}: ${fault}`);
}

async function bookingsOf({ http, auth }: Judging, resourceId: string): Promise<Sold[]> {
  const all: Sold[] = [];
  for (let after = ''; ;) {
    const page: { items: Sold[]; next: string | null } = await http.ask(
      { path: `/v1/bookings?resourceId=${resourceId}&limit=200${after}`, headers: auth },
      200,
    );
    all.push(...page.items);
    if (page.next === null) return all;
    after = `&after=${page.next}`;
  }
}
