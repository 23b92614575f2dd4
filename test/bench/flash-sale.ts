import { runSale, type SaleReport } from '../support/sale.ts';
import { runBare } from './bare.ts';
import type { Bench, Line } from './bench.ts';
import { closedLoop, percentile } from './measure.ts';
import { settle, type Stage } from './stage.ts';

const PLACES = 100;
const SALE = {
  places: PLACES,
  callers: 5e3,
  withinMs: 1e4,
  declined: 0.1,
  timeoutMs: 18e4,
};

/** Five thousand callers within ten seconds for a hundred places, beside a hundred bare workflows. */
export const flashSale: Bench = {
  name: 'flash-sale',
  async run(stage) {
    await bareHundred(stage);
    await settle(stage);
    const lines: Line[] = [];
    for (const kind of ['units', 'session'] as const) {
      const bareMs = await bareHundred(stage);
      const { apiUrl, auth } = stage;
      const report = await runSale(
        { apiUrl, auth, emulatorsUrl: stage.emulatorsUrl },
        { ...SALE, kind },
      );
      const { answers, requests, freed, states, wrong } = report;
      console.error(
        `flash-sale of ${kind}: ${JSON.stringify({ requests, answers, freed, states })}`,
      );
      if (wrong.length > 0)
        console.error(`flash-sale of ${kind}: ${wrong.slice(0, 20).join('\n')}`);
      lines.push(...linesOf(kind, report, bareMs));
    }
    return lines;
  },
};

async function bareHundred(stage: Stage): Promise<number> {
  const { perSecond } = await closedLoop({ concurrency: PLACES, count: PLACES }, () =>
    runBare(stage),
  );
  return (PLACES / perSecond) * 1_000;
}

function linesOf(kind: string, report: SaleReport, bareMs: number): Line[] {
  const name = (what: string) => `flash-sale-${kind}-${what}`;
  const alone = { reference: null, ratio: null };
  const stated = { aim: 'stated', holds: null };
  const { sold, wrong, firstAnswersMs, totalMs } = report;
  const isExact = wrong.length === 0;
  return [
    {
      ...alone,
      name: name('sold'),
      value: sold,
      unit: 'of 100',
      aim: '= 100, paid once',
      holds: isExact,
    },
    { ...alone, ...stated, name: name('p99'), value: percentile(firstAnswersMs, 99), unit: 'ms' },
    {
      ...stated,
      name: name('total'),
      value: totalMs / 1e3,
      unit: 's (100 bare)',
      reference: bareMs / 1e3,
      ratio: totalMs / bareMs,
    },
  ];
}
