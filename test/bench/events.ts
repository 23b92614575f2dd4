import { eventsOf, runBare } from './bare.ts';
import { limitLine, type Bench } from './bench.ts';
import { freeScene, paidScene, type BookingScene } from './booking-scene.ts';
import { median } from './measure.ts';
import type { Stage } from './stage.ts';

const SAMPLE = 10;
const PAID_LIMIT = 25;
const FREE_LIMIT = 10;

/** History events of one booking, one at a time: the server's work, whatever the machine. */
export const events: Bench = {
  name: 'events',
  async run(stage) {
    const bare: number[] = [];
    for (let n = 0; n < SAMPLE; n += 1) bare.push(await eventsOf(stage, await runBare(stage)));
    const reference = median(bare);
    const paid = await sample(stage, await paidScene(stage));
    const free = await sample(stage, await freeScene(stage));
    return [
      limitLine({ name: 'events-paid', unit: 'events', value: paid, reference }, PAID_LIMIT),
      limitLine({ name: 'events-free', unit: 'events', value: free, reference }, FREE_LIMIT),
    ];
  },
};

async function sample(stage: Stage, scene: BookingScene): Promise<number> {
  const counts: number[] = [];
  for (let n = 0; n < SAMPLE; n += 1) {
    const { links } = await scene.book({ waitS: 20 });
    await stage.temporal.workflow.getHandle(links.workflowId).result();
    counts.push(await eventsOf(stage, links.workflowId));
  }
  return median(counts);
}
