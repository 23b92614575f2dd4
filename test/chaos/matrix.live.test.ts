import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFaultDesk, type FaultDesk } from '../support/fault-desk.ts';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { judgeHouse } from '../support/house-laws.ts';
import { addBrowserAccount } from '../support/payer.ts';
import type { Shop } from '../support/shop.ts';
import { FLOWS } from './matrix-flows.ts';
import type { Stage } from './matrix-stage.ts';
import {
  begin,
  cellsOf,
  isKill,
  isLong,
  prepareAll,
  runKill,
  runLong,
  runQuick,
  summaryOf,
  type Cell,
  type Verdict,
} from './matrix.ts';

/** Each activity × each fault; `npm run chaos -- --only matrix` goes every way with each. */
const SCOPE = process.env['CHAOS_MATRIX'] === 'full' ? 'full' : 'cover';
const ONLY = process.env['CHAOS_MATRIX_CELLS'];
/** More at once is no more of a proof, and less of a machine. */
const WAVE = 260;
const TIMEOUT_MS = SCOPE === 'full' ? 3_600_000 : 600_000;

let holdfast: Holdfast;
let desk: FaultDesk;
let stage: Stage;
beforeAll(async () => {
  desk = await openFaultDesk();
  holdfast = await startHoldfast(
    { HOLDFAST_DATABASE_POOL: '40', FAULT_DESK_URL: desk.url },
    'test/support/faulty-worker.ts',
  );
  const shops = new Map<string, Promise<Shop>>();
  stage = {
    holdfast,
    desk,
    account: await addBrowserAccount(holdfast),
    shop(name, open) {
      if (!shops.has(name)) shops.set(name, open());
      return shops.get(name)!;
    },
  };
});
afterAll(async () => {
  await holdfast.stop();
  await desk.close();
});

/** Minutes of waiting for a person each, so that a busy machine tells of itself: left to chaos. */
const isLeftToChaos = (cell: Cell): boolean => SCOPE === 'cover' && cell.fault === 'fails-for-good';
const named = cellsOf(SCOPE).filter(({ flow, activity, fault }) =>
  new RegExp(ONLY ?? '').test(`${flow}: ${activity} ${fault}`),
);
const cells = named.filter((cell) => !isLeftToChaos(cell));
if (cells.length < named.length)
  console.log(
    `${named.length - cells.length} cells that fail for good run with npm run chaos -- --only matrix`,
  );
const KILLS = ['killed-before', 'killed-after'] as const;
const isOf = (fault: string) => (cell: Cell) => cell.fault === fault;
const isSlow = ({ flow }: Cell): boolean => FLOWS[flow]!.slow === true;

test(
  'whatever fails at whichever step, the laws hold at the end',
  { timeout: TIMEOUT_MS },
  async () => {
    const verdicts: Verdict[] = [];
    const slow = KILLS.map((fault) => begin(stage, cells.filter(isOf(fault)).filter(isSlow)));
    const begun = await Promise.all(slow);
    const [first = [], ...others] = inWaves(cells.filter((cell) => !isKill(cell)));
    // Its minutes of waiting go by while workers are killed, which is no excuse for anything.
    const long = runLong(stage, await prepareAll(stage, first.filter(isLong)));
    // Awaited below; until then whatever fails first is told.
    long.catch(() => undefined);
    const passing = first.filter((cell) => !isLong(cell));
    const ready = await prepareAll(stage, passing);
    for (const [n, fault] of KILLS.entries()) {
      const waves = inWaves(cells.filter(isOf(fault)).filter((cell) => !isSlow(cell)));
      for (const [at, wave] of (waves.length > 0 ? waves : [[]]).entries())
        verdicts.push(...(await runKill(stage, wave, at === 0 ? begun[n] : [])));
    }
    verdicts.push(...(await runQuick(stage, ready)), ...(await long));
    for (const wave of others) {
      const trials = await prepareAll(stage, wave);
      const [waiting, quick] = [true, false].map((is) =>
        trials.filter(({ cell }) => isLong(cell) === is),
      );
      const both = [runLong(stage, waiting!), runQuick(stage, quick!)];
      verdicts.push(...(await Promise.all(both)).flat());
    }
    console.log(`${summaryOf(cells, verdicts)}, in ${Math.round(performance.now() / 1_000)} s`);
    const guilty = verdicts.filter(({ wrong }) => wrong.length > 0);
    expect(guilty.map(({ name, state, wrong }) => ({ name, state, wrong }))).toEqual([]);
    expect(await judgeHouse(holdfast)).toEqual([]);
  },
);

const inWaves = (all: readonly Cell[]): Cell[][] =>
  Array.from({ length: Math.ceil(all.length / WAVE) }, (_, n) =>
    all.slice(n * WAVE, (n + 1) * WAVE),
  );
