import { runBare } from './bare.ts';
import { ratioLine, type Bench } from './bench.ts';
import { paidScene } from './booking-scene.ts';
import { closedLoop, interleaved, median } from './measure.ts';
import { settle } from './stage.ts';

const ROUNDS = 5;
const PER_ROUND = 30;
const WARM_UP = 20;

/** The hold's answer over HTTP, one booking at a time, each saga finished before the next begins. */
export const holdLatency: Bench = {
  name: 'hold-latency',
  async run(stage) {
    const scene = await paidScene(stage);
    const holds = async (count: number) => {
      const latenciesMs: number[] = [];
      for (let n = 0; n < count; n += 1) {
        const askedAt = performance.now();
        const { links } = await scene.book({});
        latenciesMs.push(performance.now() - askedAt);
        await stage.temporal.workflow.getHandle(links.workflowId).result();
      }
      return median(latenciesMs);
    };
    const bare = async (count: number) =>
      median((await closedLoop({ concurrency: 1, count }, () => runBare(stage))).latenciesMs);
    await holds(WARM_UP);
    await bare(WARM_UP);
    await settle(stage);
    const { value, reference } = await interleaved(ROUNDS, {
      reference: () => bare(PER_ROUND),
      product: () => holds(PER_ROUND),
    });
    const measured = { name: 'hold-latency', unit: 'ms p50 at C=1', value, reference };
    return [ratioLine(measured, { atMost: 0.8 })];
  },
};
