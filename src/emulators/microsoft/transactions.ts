import type { Host } from '../host.ts';
import type { Body } from './event-body.ts';

interface Used {
  eventId: string;
  /** What the first create said, to know an identical one by. */
  body: Body;
}

/** The transactionIds that creates of a mailbox have used. Source: Graph reference, event resource. */
export interface Transactions {
  find(account: string, transactionId: string): Used | undefined;
  keep(account: string, transactionId: string, used: Used): void;
}

export function createTransactions(host: Host): Transactions {
  const used = host.collection<Used>('microsoft-transactions');
  const keyOf = (account: string, transactionId: string) => `${account}\n${transactionId}`;
  return {
    find: (account, transactionId) => used.get(keyOf(account, transactionId)),
    keep: (account, transactionId, what) => used.set(keyOf(account, transactionId), what),
  };
}
