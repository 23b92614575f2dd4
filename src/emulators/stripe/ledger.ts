import type { Emulator } from './emulator.ts';

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
};
