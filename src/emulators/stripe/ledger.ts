import type { Emulator } from './emulator.ts';
import type { Effect } from './state.ts';

/** What happened to one intent's money, in minor units, folded from the append-only effects. */
export type LedgerLine = {
  intent: string;
  account: string;
  status: string;
  currency: string;
  metadata: Record<string, string>;
  authorizedMinor: number;
  capturedMinor: number;
  releasedMinor: number;
  refundedMinor: number;
  /** How often money was set aside: more than one per booking is a double charge in the making. */
  authorizations: number;
  captures: number;
  refunds: number;
  declines: number;
  disputedMinor: number;
};

export type EffectQuery = { since: number; limit: number; account?: string; intent?: string };

/**
 * Effects after number `since`, in order; `last` is the number to ask on from, and `more` says
 * whether anything follows.
 */
export function effects(
  { state }: Emulator,
  { since, limit, account, intent }: EffectQuery,
): { effects: Effect[]; last: number; more: boolean } {
  const found: Effect[] = [];
  let last = since;
  // Numbers run from 1 without gaps, so reading on does not go through what was read before.
  for (let n = since + 1; ; n += 1) {
    const entry = state.effects.get(String(n));
    if (entry === undefined) return { effects: found, last, more: false };
    if (found.length === limit) return { effects: found, last, more: true };
    last = n;
    const asked =
      (account === undefined || entry.account === account) &&
      (intent === undefined || entry.intent === intent);
    if (asked) found.push(entry);
  }
}

export type LedgerQuery = { account?: string; metadata: Record<string, string> };

/** One line for each intent of the account, or of all, whose metadata has what is asked. */
export function ledger({ state }: Emulator, { account, metadata }: LedgerQuery): LedgerLine[] {
  const lines = new Map<string, LedgerLine>();
  for (const [id, row] of state.intents.entries()) {
    const { object } = row;
    const asked = Object.entries(metadata).every(([key, value]) => object.metadata[key] === value);
    if (!asked || (account !== undefined && row.account !== account)) continue;
    lines.set(id, {
      intent: id,
      account: row.account,
      status: object.status,
      currency: object.currency,
      metadata: object.metadata,
      ...ZERO,
    });
  }
  for (const entry of state.effects.values()) {
    const line = lines.get(entry.intent);
    if (line !== undefined) FOLD[entry.effect](line, entry.amountMinor);
  }
  return [...lines.values()];
}

const ZERO = {
  authorizedMinor: 0,
  capturedMinor: 0,
  releasedMinor: 0,
  refundedMinor: 0,
  authorizations: 0,
  captures: 0,
  refunds: 0,
  declines: 0,
  disputedMinor: 0,
};

const FOLD = {
  created: () => undefined,
  authorized: (line: LedgerLine, amountMinor: number) => {
    line.authorizedMinor += amountMinor;
    line.authorizations += 1;
  },
  captured: (line: LedgerLine, amountMinor: number) => {
    line.capturedMinor += amountMinor;
    line.captures += 1;
  },
  released: (line: LedgerLine, amountMinor: number) => {
    line.releasedMinor += amountMinor;
  },
  refunded: (line: LedgerLine, amountMinor: number) => {
    line.refundedMinor += amountMinor;
    line.refunds += 1;
  },
  'refund-failed': (line: LedgerLine, amountMinor: number) => {
    line.refundedMinor -= amountMinor;
  },
  declined: (line: LedgerLine) => {
    line.declines += 1;
  },
  disputed: (line: LedgerLine, amountMinor: number) => {
    line.disputedMinor += amountMinor;
  },
  'dispute-won': (line: LedgerLine, amountMinor: number) => {
    line.disputedMinor -= amountMinor;
  },
  'dispute-lost': () => undefined,
  // The end of the intent itself: what was let go is a `released` beside it.
  cancelled: () => undefined,
  expired: () => undefined,
};
