import type { ChangeInput, ChangeOutcome } from '../contracts/booking-change.ts';
import type { Telling } from './booking-change.ts';
import { collect } from './collecting.ts';

/** The rest of the price, when it falls due: the table of its steps is at the head of `collecting`. */
export const balanceStory = (
  { tenantId, bookingId, changeId }: ChangeInput & { kind: 'balance' },
  telling: Telling,
): Promise<ChangeOutcome> =>
  collect(
    {
      change: { tenantId, bookingId, changeId },
      purpose: 'balance',
      attention: 'balance-unpaid',
    },
    telling,
  );
