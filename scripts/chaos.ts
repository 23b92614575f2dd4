/**
 * `npm run chaos`: 200 seeds of edits, troubles and deaths on every channel. `-- --channel google`
 * takes one channel, `--seed 7` or `--seeds 1-50` says which; a failing seed prints how to see it
 * again.
 */
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { CHANNELS } from '../src/channels/channel-provider.ts';

const USUAL_SEEDS = '1-200';

const { values } = parseArgs({
  options: {
    channel: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
  },
});
const { channel, seed, seeds = seed ?? USUAL_SEEDS } = values;
const chosen = CHANNELS.filter((one) => channel === undefined || one === channel);
if (chosen.length === 0 || !/^[1-9]\d*(-[1-9]\d*)?$/.test(seeds)) {
  console.error(`--channel takes one of: ${CHANNELS.join(', ')}; --seeds a range such as 1-200.`);
  process.exit(1);
}

process.env['CHAOS_SEEDS'] = seeds;
const files = chosen.map((one) => `test/e2e/convergence-${one}.live.test.ts`);
const vitest = await startVitest('test', files, { run: true, project: ['live'] });
await vitest.exit(true);
