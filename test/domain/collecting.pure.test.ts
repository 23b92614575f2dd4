import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { nextStep, PHASES, TRY_AGAIN_MS, type Unpaid } from '../../src/domain/collecting.ts';

const DAY_MS = 86_400_000;
const declined = (own: Partial<Unpaid> = {}): Unpaid => ({
  phase: 'charge',
  attempt: 0,
  code: 'insufficient_funds',
  isArriving: false,
  graceMs: 3 * DAY_MS,
  graceLeftMs: null,
  tryInMs: 0,
  onUnpaid: 'cancel',
  isOver: false,
  ...own,
});

describe('a charge that was declined', () => {
  it('is tried again at the stated distances, then the payer gets a link', () => {
    for (const [attempt, inMs] of TRY_AGAIN_MS.entries())
      expect(nextStep(declined({ attempt }))).toEqual({
        kind: 'wait',
        inMs,
        progress: { phase: 'charge', attempt: attempt + 1 },
      });
    expect(nextStep(declined({ attempt: TRY_AGAIN_MS.length }))).toMatchObject({
      kind: 'wait',
      progress: { phase: 'link', graceMs: 3 * DAY_MS },
    });
  });

  it.each(['authentication_required', 'lost_card', 'expired_card', 'no-payment-method'])(
    'for %s gives the link at once: only the payer can help',
    (code) => {
      expect(nextStep(declined({ code }))).toMatchObject({ progress: { phase: 'link' } });
    },
  );
});

it('news of a payment do not have it charged before its time', () => {
  expect(nextStep(declined({ tryInMs: 5_000, attempt: 1 }))).toEqual({
    kind: 'wait',
    inMs: 5_000,
    progress: { phase: 'charge', attempt: 1 },
  });
});

describe('a payer who does not pay', () => {
  it('has his whole time, and then the rule decides', () => {
    const link = declined({ phase: 'link', code: 'authentication_required' });
    expect(nextStep({ ...link, graceLeftMs: 1 })).toMatchObject({ kind: 'wait', inMs: 1 });
    expect(nextStep({ ...link, graceLeftMs: 0 })).toEqual({ kind: 'cancel' });
    expect(nextStep({ ...link, graceLeftMs: 0, onUnpaid: 'keep' })).toMatchObject({
      kind: 'keep',
      progress: { phase: 'late' },
    });
  });

  it('may pay late where the booking is kept, until its time is over', () => {
    expect(nextStep(declined({ phase: 'late' }))).toMatchObject({ kind: 'wait' });
    expect(nextStep(declined({ phase: 'late', isOver: true }))).toEqual({ kind: 'end' });
  });
});

const anyUnpaid: fc.Arbitrary<Unpaid> = fc.record({
  phase: fc.constantFrom(...PHASES),
  attempt: fc.nat(10),
  code: fc.constantFrom('under-way', 'insufficient_funds', 'authentication_required', 'other'),
  isArriving: fc.boolean(),
  graceMs: fc.integer({ min: 0, max: 30 * DAY_MS }),
  tryInMs: fc.nat(DAY_MS),
  graceLeftMs: fc.option(fc.integer({ min: -DAY_MS, max: 30 * DAY_MS })),
  onUnpaid: fc.constantFrom('cancel', 'keep'),
  isOver: fc.boolean(),
});

it('money that is on its way never costs the booking', () => {
  fc.assert(
    fc.property(anyUnpaid, (unpaid) => {
      expect(nextStep({ ...unpaid, code: 'under-way', isArriving: true }).kind).toBe('wait');
    }),
  );
});

it('no wait reaches beyond the payer’s time, and phases only go on', () => {
  fc.assert(
    fc.property(anyUnpaid, (unpaid) => {
      const next = nextStep(unpaid);
      if (next.kind !== 'wait' && next.kind !== 'keep') return;
      expect(next.inMs).toBeGreaterThanOrEqual(0);
      expect(next.progress.attempt).toBeGreaterThanOrEqual(unpaid.attempt);
      expect(PHASES.indexOf(next.progress.phase)).toBeGreaterThanOrEqual(
        PHASES.indexOf(unpaid.phase),
      );
      const isBound =
        unpaid.phase === 'link' && next.kind === 'wait' && unpaid.code !== 'under-way';
      expect(next.inMs).toBeLessThanOrEqual(isBound ? unpaid.graceLeftMs! : Infinity);
    }),
  );
});

it('a payer who began and left is waited for an hour, and then as if he had not begun', () => {
  const left = declined({ phase: 'link', code: 'under-way', graceLeftMs: -1 });
  expect(nextStep(left)).toMatchObject({ kind: 'wait', progress: { phase: 'link' } });
  expect(nextStep({ ...left, graceLeftMs: -3_600_000 })).toEqual({ kind: 'cancel' });
  const late = declined({ phase: 'late', code: 'under-way' });
  expect(nextStep(late)).toMatchObject({ kind: 'wait', inMs: DAY_MS });
  expect(nextStep({ ...late, isOver: true })).toEqual({ kind: 'end' });
});
