import { expect, it } from 'vitest';
import { judge, type Facts } from '../support/checker.ts';

const span = { startAt: '2027-01-01T09:00:00.000Z', endAt: '2027-01-01T10:00:00.000Z' };
const paid = {
  metadata: {},
  authorizedMinor: 100,
  capturedMinor: 100,
  releasedMinor: 0,
  refundedMinor: 0,
  authorizations: 1,
  captures: 1,
};
const good: Facts = {
  booking: {
    state: 'confirmed',
    attention: null,
    ...span,
    amountMinor: 100,
    payment: { kind: 'method', status: 'captured', capturedMinor: 100, refundedMinor: 0 },
  },
  intents: [paid],
  mirrors: [span],
  offered: false,
};
const ended: Facts = {
  ...good,
  booking: {
    ...good.booking!,
    state: 'expired',
    payment: { ...good.booking!.payment, status: 'cancelled', capturedMinor: 0 },
  },
  intents: [{ ...paid, capturedMinor: 0, captures: 0, releasedMinor: 100 }],
  mirrors: [],
  offered: true,
};
const booking = (facts: Facts, own: object): Facts => ({
  ...facts,
  booking: { ...facts.booking!, ...own },
});

it('a world that is right is found right', () => {
  expect(judge(good)).toEqual([]);
  expect(judge(ended)).toEqual([]);
  expect(judge({ ...ended, booking: null, intents: [], mayBeMissing: true })).toEqual([]);
  const refunded = { ...paid, refundedMinor: 100 };
  const payment = { ...good.booking!.payment, refundedMinor: 100 };
  expect(
    judge({ ...booking(ended, { state: 'cancelled', payment }), intents: [refunded] }),
  ).toEqual([]);
});

const WRONG: Record<string, Facts> = {
  'captured twice': { ...good, intents: [paid, paid] },
  'authorized twice': { ...good, intents: [paid, { ...paid, capturedMinor: 0, captures: 0 }] },
  'confirmed and not paid': { ...good, intents: [] },
  'confirmed and refunded': { ...good, intents: [{ ...paid, refundedMinor: 100 }] },
  'confirmed and offered': { ...good, offered: true },
  'confirmed and not in the calendar': { ...good, mirrors: [] },
  'confirmed and twice in the calendar': { ...good, mirrors: [span, span] },
  'at another time in the calendar': { ...good, mirrors: [{ ...span, endAt: span.startAt }] },
  'called a person': booking(good, { attention: 'stuck' }),
  'not over': booking(ended, { state: 'paying' }),
  'ended and charged': { ...ended, intents: [paid] },
  'ended and authorized': { ...ended, intents: [{ ...paid, capturedMinor: 0 }] },
  'ended and still in the calendar': { ...ended, mirrors: [span] },
  'ended and not offered again': { ...ended, offered: false },
  'never there': { ...ended, booking: null },
};

it.each(Object.entries(WRONG))('%s: the checker complains', (_, facts) => {
  expect(judge(facts)).not.toEqual([]);
});
