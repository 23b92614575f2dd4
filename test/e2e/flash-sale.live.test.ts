import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { runSale } from '../support/sale.ts';

/** The large one is a line of `npm run bench`. */
let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterAll(() => holdfast.stop());

test.each(['units', 'session'] as const)(
  'four hundred callers for twenty %s, with a payment service in trouble: exactly twenty are sold, and paid once',
  { timeout: 240_000 },
  async (kind) => {
    const { apiUrl, emulatorsUrl, key } = holdfast;
    const report = await runSale(
      { apiUrl, emulatorsUrl, auth: { authorization: `Bearer ${key}` } },
      { kind, places: 20, callers: 400, withinMs: 4_000, declined: 0.3, timeoutMs: 120_000 },
    );
    const { firstAnswersMs, ...told } = report;
    console.log(JSON.stringify({ ...told, slowestMs: Math.round(Math.max(...firstAnswersMs)) }));
    expect(report.wrong).toEqual([]);
    expect(report.sold).toBe(20);
    expect(firstAnswersMs).toHaveLength(400);
  },
);
