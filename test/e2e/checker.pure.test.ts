import { expect, it } from 'vitest';
import { judge, type Facts } from '../support/checker.ts';
import { foldEffects, type Effect } from '../support/effects.ts';
import { gapsIn, overlapsIn } from '../support/house-laws.ts';

const span = { startAt: '2027-01-01T09:00:00.000Z', endAt: '2027-01-01T10:00:00.000Z' };
const did = (effect: string, own: Partial<Effect> = {}): Effect => ({
  effect,
  intent: 'pi_1',
  amountMinor: 100,
  metadata: {},
  idempotencyKey: null,
  ...own,
});
const authorized = did('authorized', { idempotencyKey: 'b:authorize:1' });
const captured = did('captured', { idempotencyKey: 'b:capture:1' });
const refunded = did('refunded', { idempotencyKey: 'b:refund:1' });
const money = (...effects: Effect[]) => foldEffects(effects);

const good: Facts = {
  booking: {
    state: 'confirmed',
    attentions: [],
    ...span,
    amountMinor: 100,
    owedMinor: 100,
    payment: { kind: 'method', status: 'captured' },
  },
  saidMinor: 100,
  refundKeys: [],
  money: money(authorized, captured),
  mirrors: [span],
  offered: false,
};
const booking = (facts: Facts, own: object): Facts => ({
  ...facts,
  booking: { ...facts.booking!, ...own },
});
const ended: Facts = {
  ...booking(good, { state: 'expired', owedMinor: 0 }),
  saidMinor: 0,
  money: money(authorized, did('released')),
  mirrors: [],
  offered: true,
};
const refundedFacts: Facts = {
  ...booking(ended, { state: 'cancelled' }),
  money: money(authorized, captured, refunded),
  refundKeys: ['b:refund:1'],
};

it('a world that is right is found right', () => {
  expect(judge(good)).toEqual([]);
  expect(judge(ended)).toEqual([]);
  expect(judge(refundedFacts)).toEqual([]);
  const nothing = { ...ended, booking: null, money: money() };
  expect(judge({ ...nothing, expected: { mayBeMissing: true } })).toEqual([]);
  const awaited = booking(good, { attentions: ['conflict'] });
  expect(judge({ ...awaited, expected: { attention: 'conflict' } })).toEqual([]);
  const balance = [
    did('authorized', { intent: 'pi_2', amountMinor: 50 }),
    did('captured', { intent: 'pi_2', amountMinor: 50 }),
  ];
  const twoPayments = booking(good, { amountMinor: 150, owedMinor: 150 });
  expect(
    judge({
      ...twoPayments,
      saidMinor: 150,
      money: money(authorized, captured, ...balance),
      expected: { charges: 2 },
    }),
  ).toEqual([]);
});

const other = { intent: 'pi_2' };
const WRONG: Record<string, Facts> = {
  'captured twice': {
    ...good,
    money: money(authorized, captured, did('authorized', other), did('captured', other)),
  },
  'captured twice and given back': {
    ...good,
    money: money(
      authorized,
      captured,
      did('authorized', other),
      did('captured', other),
      did('refunded', { ...other, idempotencyKey: 'b:refund:1' }),
    ),
    refundKeys: ['b:refund:1'],
  },
  'charged twice under one key': {
    ...good,
    money: money(authorized, captured, did('authorized', { ...authorized, ...other })),
  },
  'authorized besides': { ...good, money: money(authorized, captured, did('authorized', other)) },
  'confirmed and not paid': { ...good, money: money() },
  'confirmed and refunded': {
    ...good,
    money: money(authorized, captured, refunded),
    refundKeys: ['b:refund:1'],
  },
  'refunded by nobody of ours': { ...refundedFacts, refundKeys: [] },
  'owed otherwise': booking(good, { owedMinor: 90 }),
  'said otherwise': { ...good, saidMinor: 90 },
  'confirmed and offered': { ...good, offered: true },
  'confirmed and not in the calendar': { ...good, mirrors: [] },
  'confirmed and twice in the calendar': { ...good, mirrors: [span, span] },
  'at another time in the calendar': { ...good, mirrors: [{ ...span, endAt: span.startAt }] },
  'called a person': booking(good, { attentions: ['stuck'] }),
  'not over': booking(ended, { state: 'paying' }),
  'ended otherwise than expected': { ...ended, expected: { state: 'confirmed' } },
  'ended and charged': { ...ended, money: money(authorized, captured) },
  'ended and authorized': { ...ended, money: money(authorized) },
  'ended and still in the calendar': { ...ended, mirrors: [span] },
  'ended and not offered again': { ...ended, offered: false },
  'never there': { ...ended, booking: null, money: money() },
};

it.each(Object.entries(WRONG))('%s: the checker complains', (_, facts) => {
  expect(judge(facts)).not.toEqual([]);
});

it('two bookings of a unit that overlap are found, and those of two units are not', () => {
  const one = { id: 'a', resourceId: 'r', sessionId: null, units: [1, 2], ...span };
  const later = { ...one, id: 'b', units: [2], startAt: '2027-01-01T09:59:00.000Z' };
  expect(overlapsIn([one, later])).toEqual(['r 2: a and b overlap']);
  expect(overlapsIn([one, { ...later, units: [3] }])).toEqual([]);
  expect(overlapsIn([one, { ...later, startAt: one.endAt }])).toEqual([]);
});

it('a gap and a repetition in a subject of the journal are found', () => {
  const entries = [
    { subject: 'a', seq: 1 },
    { subject: 'b', seq: 1 },
    { subject: 'a', seq: 2 },
  ];
  expect(gapsIn(entries)).toEqual([]);
  expect(gapsIn([...entries, { subject: 'b', seq: 3 }])).toHaveLength(1);
  expect(gapsIn([...entries, { subject: 'a', seq: 2 }])).toHaveLength(1);
});
