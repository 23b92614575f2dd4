/** Why a person is called to a booking; a step that is stuck calls as `stuck-<step>`. */

export const ATTENTIONS = [
  'conflict',
  'refund-failed',
  'dispute',
  'dispute-lost',
  'balance-unpaid',
  'payment-lapsed',
  'difference-unpaid',
  'fee-unpaid',
  'money-by-hand',
  'payment-processing',
] as const;
export type Attention = (typeof ATTENTIONS)[number];

/** Steps with no other way than through: of money, undos, and acts on the ledger. */
export const STEPS = [
  'charge-payment',
  'void-payment',
  'capture-payment',
  'return-payment',
  'release-hold',
  'release-new-time',
  'extend-slot',
  'commit-booking',
  'call-off',
  'call-person',
  'settled',
  'open-change',
  'close-change',
  'take-time',
  'switch-time',
  'disown-difference',
  'owe-payment',
  'disown-payment',
  'postpone-change',
  'lapsing',
  'grant-refund',
  'refunded-by-hand',
  'weigh-conflict',
  'decide-conflict',
  'move-aside',
] as const;

/** Where trying again changes nothing: what to do in its place, as a sentence for a person. */
const IN_PLACE_OF_RETRY: Partial<Record<Attention, string>> = {
  conflict:
    'A conflict is not tried again but decided: `POST /v1/conflicts/<id>/decide` with `ours` or `theirs`.',
  dispute:
    'Only the bank decides a dispute: answer it at the payment service. Won, it clears itself.',
  'dispute-lost':
    'The bank has decided, and the money is gone: decide whether the booking stays, and say `resolved-by-hand`.',
  'difference-unpaid':
    'Its authorization is gone, and no method was kept for it: ask the guest for the difference otherwise, and say `resolved-by-hand`.',
  'fee-unpaid':
    'Its authorization is gone, and the booking is over: ask the guest for the fee otherwise, and say `resolved-by-hand`.',
  'money-by-hand':
    'Nothing of ours touches money that was put right by hand: give back the difference where it is, and say `resolved-by-hand`.',
};

/** Where there is nothing left that could be tried. */
const NOTHING_LEFT: Partial<Record<Attention, string>> = {
  'balance-unpaid':
    'Its time to be paid is over: ask the guest for it otherwise, or cancel the booking, and say `resolved-by-hand`.',
  'payment-lapsed':
    'Its time to be paid is over: ask the guest for it otherwise, or cancel the booking, and say `resolved-by-hand`.',
};

const BY_ITSELF =
  'A conflict is over once it is decided: `POST /v1/conflicts/<id>/decide` with `ours` leaves the booking as it is.';

const sentence = (table: Partial<Record<Attention, string>>, attention: string): string | null =>
  Object.hasOwn(table, attention) ? table[attention as Attention]! : null;

/** Null where the decision can be carried out. */
export const otherWay = (
  attention: string,
  decision: 'retry' | 'resolved-by-hand',
): string | null => {
  if (decision === 'retry') return sentence(IN_PLACE_OF_RETRY, attention);
  return attention === 'conflict' ? BY_ITSELF : null;
};

/** A retry found nothing to try. */
export const nothingLeft = (attention: string): string | null => sentence(NOTHING_LEFT, attention);
