import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFaultDesk, type FaultDesk } from '../support/fault-desk.ts';
import { onQueue, viewTemporal, type TemporalView } from '../support/history.ts';
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
  nameOf,
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
/** What stands in a local activity holds one of the worker's forty workflow tasks. */
const KILL_WAVE = 36;
const TIMEOUT_MS = SCOPE === 'full' ? 3_600_000 : 600_000;

let holdfast: Holdfast;
let desk: FaultDesk;
let temporal: TemporalView;
let stage: Stage;
beforeAll(async () => {
  desk = await openFaultDesk();
  holdfast = await startHoldfast(
    { HOLDFAST_DATABASE_POOL: '40', FAULT_DESK_URL: desk.url },
    'test/support/faulty-worker.ts',
  );
  temporal = await viewTemporal();
  const shops = new Map<string, Promise<Shop>>();
  stage = {
    holdfast,
    desk,
    account: await addBrowserAccount(holdfast),
    async found(bookingId) {
      const runs = await temporal.runs(`${onQueue(holdfast)} AND HoldfastAttention IS NOT NULL`);
      return runs.some(({ workflowId }) => workflowId.includes(bookingId));
    },
    shop(name, open) {
      if (!shops.has(name)) shops.set(name, open());
      return shops.get(name)!;
    },
  };
});
afterAll(async () => {
  await temporal.close();
  await holdfast.stop();
  await desk.close();
});

const cells = cellsOf(SCOPE).filter((cell) => new RegExp(ONLY ?? '').test(nameOf(cell)));
const KILLS = ['killed-before', 'killed-after'] as const;
const isOf = (fault: string) => (cell: Cell) => cell.fault === fault;
const isSlow = ({ flow }: Cell): boolean => FLOWS[flow]!.slow === true;

test(
  'whatever fails at whichever step, the laws hold at the end',
  { timeout: TIMEOUT_MS },
  async () => {
    const verdicts: Verdict[] = [];
    // Killed when the others are done with: it takes them a minute to get where they stand.
    const slow = cells.filter((cell) => isKill(cell) && isSlow(cell));
    const begun = await begin(stage, slow);
    const [first = [], ...others] = inWaves(
      cells.filter((cell) => !isKill(cell)),
      WAVE,
    );
    // Its minutes of waiting go by while workers are killed, which is no excuse for anything.
    const long = runLong(stage, await prepareAll(stage, first.filter(isLong)));
    // Awaited below; until then whatever fails first is told.
    long.catch(() => undefined);
    const passing = first.filter((cell) => !isLong(cell));
    const ready = await prepareAll(stage, passing);
    for (const fault of KILLS) {
      const quick = cells.filter(isOf(fault)).filter((cell) => !isSlow(cell));
      for (const wave of inWaves(quick, KILL_WAVE)) verdicts.push(...(await runKill(stage, wave)));
    }
    verdicts.push(...(await runKill(stage, [], begun)));
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

const inWaves = (all: readonly Cell[], size: number): Cell[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, n) =>
    all.slice(n * size, (n + 1) * size),
  );
