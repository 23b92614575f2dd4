import type { StartBooking } from '../../src/commands.ts';

/** What most holds of tests have in common: free units, no deposit, nothing agreed. */
export const PLAIN_TERMS = {
  sessionId: null,
  depositMinor: null,
  balanceDueAt: null,
  terms: { cancellation: [], deposit: null },
  madeBy: null,
} satisfies Partial<StartBooking>;

/** Called off with everything given back. */
export const FREELY = { changeId: 'called-off', keepMinor: 0, quoteId: null };
