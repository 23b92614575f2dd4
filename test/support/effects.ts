import type { Holdfast } from './holdfast.ts';

/** What became of money, as the payment service's append-only record says; amounts in minor units. */
export interface Effect {
  intent: string;
  effect: string;
  amountMinor: number;
  metadata: Record<string, string>;
  /** Of the request that did it; null for what the service, payer or time did. */
  idempotencyKey: string | null;
}

/** Of one booking, over all its payments, folded in order. */
export interface MoneyRecord {
  keptMinor: number;
  /** Authorized, and neither taken nor let go. */
  openMinor: number;
  /** The most that was ever kept at one moment. */
  mostKeptMinor: number;
  captures: number;
  /** Intents that were authorized or captured more than once, and keys that did so. */
  doubled: string[];
  /** Of everything that went back: under which key, and how much. */
  refunds: { key: string | null; amountMinor: number }[];
}

const PAGE = 10_000;

export async function readEffects(
  holdfast: Pick<Holdfast, 'control'>,
): Promise<Map<string, Effect[]>> {
  const byBooking = new Map<string, Effect[]>();
  for (let since = 0, more = true; more;) {
    const page = await holdfast.control<{ effects: Effect[]; last: number; more: boolean }>(
      'GET',
      `/stripe/effects?since=${since}&limit=${PAGE}`,
    );
    for (const effect of page.effects) {
      const id = effect.metadata['booking_id'] ?? '';
      byBooking.set(id, [...(byBooking.get(id) ?? []), effect]);
    }
    ({ last: since, more } = page);
  }
  return byBooking;
}

export function foldEffects(effects: readonly Effect[]): MoneyRecord {
  const money: MoneyRecord = {
    keptMinor: 0,
    openMinor: 0,
    mostKeptMinor: 0,
    captures: 0,
    doubled: [],
    refunds: [],
  };
  const seen = new Set<string>();
  const once = (what: string, by: string | null) => {
    if (by === null) return;
    if (seen.has(`${what} ${by}`)) money.doubled.push(`${what} twice by ${by}`);
    seen.add(`${what} ${by}`);
  };
  for (const { effect, amountMinor, intent, idempotencyKey } of effects) {
    if (effect === 'authorized' || effect === 'captured') {
      once(effect, intent);
      once(effect, idempotencyKey);
    }
    if (effect === 'authorized') money.openMinor += amountMinor;
    if (effect === 'released') money.openMinor -= amountMinor;
    if (effect === 'captured') {
      money.captures += 1;
      money.openMinor -= amountMinor;
      money.keptMinor += amountMinor;
    }
    if (effect === 'refunded') {
      money.keptMinor -= amountMinor;
      money.refunds.push({ key: idempotencyKey, amountMinor });
    }
    if (effect === 'refund-failed') money.keptMinor += amountMinor;
    money.mostKeptMinor = Math.max(money.mostKeptMinor, money.keptMinor);
  }
  return money;
}
