/**
 * `npm run chaos`: 200 seeds of edits, troubles and deaths on every channel, and a storm of a
 * thousand refused connections. `-- --only storm` or `--only convergence` makes one of them;
 * `--channel google` takes one channel, `--seed 7` or `--seeds 1-50` says which; a failing seed
 * prints how to see it again.
 */
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { CHANNELS } from '../src/channels/channel-provider.ts';

const USUAL_SEEDS = '1-200';
const STORM_CONNECTIONS = '1000';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    channel: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
  },
});
const { channel, seed, seeds = seed ?? USUAL_SEEDS } = values;
// Who names a channel or a seed has no storm in mind.
const only = values.only ?? ((channel ?? values.seeds ?? seed) ? 'convergence' : 'all');
const chosen = CHANNELS.filter((one) => channel === undefined || one === channel);
if (chosen.length === 0 || !/^[1-9]\d*(-[1-9]\d*)?$/.test(seeds))
  refuse(`--channel takes one of: ${CHANNELS.join(', ')}; --seeds a range such as 1-200.`);
if (!['all', 'storm', 'convergence'].includes(only)) refuse('--only takes storm or convergence.');

process.env['CHAOS_SEEDS'] = seeds;
process.env['CHAOS_STORM'] = STORM_CONNECTIONS;
const files = [
  ...(only === 'storm' ? [] : chosen.map((one) => `test/e2e/convergence-${one}.live.test.ts`)),
  ...(only === 'convergence' ? [] : ['test/chaos/storm.live.test.ts']),
];
const vitest = await startVitest('test', files, { run: true, project: ['live'] });
await vitest.exit(true);

function refuse(why: string): never {
  console.error(why);
  process.exit(1);
}
