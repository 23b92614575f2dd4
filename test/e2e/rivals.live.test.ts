import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHoldfast, until, type Answer, type Holdfast } from '../support/holdfast.ts';
import { onQueue, viewTemporal, type TemporalView } from '../support/history.ts';
import { addResource, at } from '../support/scene.ts';

let holdfast: Holdfast;
let temporal: TemporalView;
beforeAll(async () => {
  holdfast = await startHoldfast();
  temporal = await viewTemporal();
});
afterAll(async () => {
  await temporal.close();
  await holdfast.stop();
});

const RIVALS = 1_000;

const count = (answers: readonly Answer[]): Record<number, number> =>
  answers.reduce<Record<number, number>>(
    (counts, { status }) => ({ ...counts, [status]: (counts[status] ?? 0) + 1 }),
    {},
  );

const started = async (resourceId: string): Promise<number> => {
  const query = `${onQueue(holdfast)} AND HoldfastResource = '${resourceId}'`;
  return (await temporal.client.workflow.count(query)).count;
};

it.each([1, 7])(
  'of 1,000 who ask at once for %i places, exactly as many get one',
  async (capacity) => {
    const resourceId = await addResource(holdfast, { capacity });
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: RIVALS }, () =>
        holdfast.call('POST', '/bookings', {
          resourceId,
          startAt: at(5, 9),
          endAt: at(5, 10),
          payment: { kind: 'none' },
        }),
      ),
    );
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    expect(count(answers)).toEqual({ 201: capacity, 409: RIVALS - capacity });
    const units = answers
      .filter(({ status }) => status === 201)
      .flatMap(({ body }) => body.units as number[]);
    expect(units.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: capacity }, (_, n) => n + 1),
    );
    const refusals = answers.filter(({ status }) => status === 409);
    expect(new Set(refusals.map(({ body }) => body.type))).toEqual(
      new Set(['/problems/not-available']),
    );
    const workflows = await until(
      () => started(resourceId),
      (found) => found >= capacity,
    );
    expect(workflows).toBeLessThanOrEqual(50);
  },
);

it('one key asked for a hundred times at once is one booking', async () => {
  const resourceId = await addResource(holdfast);
  const body = { resourceId, startAt: at(5, 9), endAt: at(5, 10), payment: { kind: 'none' } };
  const answers = await Promise.all(
    Array.from({ length: 100 }, () =>
      holdfast.call('POST', '/bookings', body, { 'idempotency-key': 'one-key' }),
    ),
  );
  expect(count(answers)).toEqual({ 201: 100 });
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  expect(await started(resourceId)).toBeLessThanOrEqual(1);
});
