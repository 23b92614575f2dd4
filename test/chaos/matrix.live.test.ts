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
  runAlive,
  runKill,
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

const cells = cellsOf(SCOPE).filter(({ flow, activity, fault }) =>
  new RegExp(ONLY ?? '').test(`${flow}: ${activity} ${fault}`),
);
const KILLS = ['killed-before', 'killed-after'] as const;
const isOf = (fault: string) => (cell: Cell) => cell.fault === fault;
const isSlow = ({ flow }: Cell): boolean => FLOWS[flow]!.slow === true;

test(
  'whatever fails at whichever step, the laws hold at the end',
  { timeout: TIMEOUT_MS },
  async () => {
    const alive = cells.filter((cell) => !isKill(cell));
    const slow = KILLS.map((fault) => begin(stage, cells.filter(isOf(fault)).filter(isSlow)));
    const verdicts: Verdict[] = [];
    for (const [n, begun] of (await Promise.all(slow)).entries()) {
      const quick = cells.filter(isOf(KILLS[n]!)).filter((cell) => !isSlow(cell));
      for (let from = 0; from === 0 || from < quick.length; from += WAVE)
        verdicts.push(
          ...(await runKill(stage, quick.slice(from, from + WAVE), from === 0 ? begun : [])),
        );
    }
    for (let from = 0; from < alive.length; from += WAVE)
      verdicts.push(...(await runAlive(stage, alive.slice(from, from + WAVE))));
    console.log(summaryOf(cells, verdicts));
    const guilty = verdicts.filter(({ wrong }) => wrong.length > 0);
    expect(guilty.map(({ name, state, wrong }) => ({ name, state, wrong }))).toEqual([]);
    expect(await judgeHouse(holdfast)).toEqual([]);
  },
);
