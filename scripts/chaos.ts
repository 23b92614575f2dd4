/**
 * `npm run chaos`: 200 seeds of edits, troubles and deaths on every channel, a storm of a thousand
 * refused connections, and every fault at every step of every way through a booking. `-- --only
 * storm`, `convergence` or `matrix` makes one of them; `--channel google` takes one channel,
 * `--seed 7` or `--seeds 1-50` says which, `--cells 'holdSlot killed'` which of the matrix by a
 * pattern; a failing seed prints how to see it again, a failing cell its name. `--minutes 60` plays
 * bookings against their model for so long (`--only bookings`), up to a hundred thousand attempts.
 */
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { CHANNELS } from '../src/channels/channel-provider.ts';

const USUAL_SEEDS = '1-200';
const STORM_CONNECTIONS = '1000';
const USUAL_MINUTES = '10';
const KINDS = ['convergence', 'storm', 'matrix', 'bookings'] as const;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    channel: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    cells: { type: 'string' },
    minutes: { type: 'string' },
    path: { type: 'string' },
    replay: { type: 'string' },
  },
});
const { channel, seed, seeds = seed ?? USUAL_SEEDS, cells, minutes, path, replay } = values;
// Who names a channel, a seed, cells or a time has nothing else in mind.
const meant = minutes
  ? 'bookings'
  : (channel ?? values.seeds ?? seed)
    ? 'convergence'
    : cells
      ? 'matrix'
      : 'all';
const only = values.only ?? meant;
const chosen = CHANNELS.filter((one) => channel === undefined || one === channel);
if (chosen.length === 0 || !/^[1-9]\d*(-[1-9]\d*)?$/.test(seeds))
  refuse(`--channel takes one of: ${CHANNELS.join(', ')}; --seeds a range such as 1-200.`);
const isMeant = (kind: (typeof KINDS)[number]): boolean => only === 'all' || only === kind;
if (only !== 'all' && !KINDS.some(isMeant)) refuse(`--only takes one of: ${KINDS.join(', ')}.`);

process.env['CHAOS_SEEDS'] = seeds;
process.env['CHAOS_STORM'] = STORM_CONNECTIONS;
process.env['CHAOS_MATRIX'] = 'full';
if (cells) process.env['CHAOS_MATRIX_CELLS'] = cells;
process.env['CHAOS_MINUTES'] = minutes ?? USUAL_MINUTES;
if (seed) process.env['CHAOS_SEED'] = seed;
if (path) process.env['CHAOS_PATH'] = path;
if (replay) process.env['CHAOS_REPLAY'] = replay;
const files = [
  ...(isMeant('convergence')
    ? chosen.map((one) => `test/e2e/convergence-${one}.live.test.ts`)
    : []),
  ...(isMeant('storm') ? ['test/chaos/storm.live.test.ts'] : []),
  ...(isMeant('matrix') ? ['test/chaos/matrix.live.test.ts'] : []),
  ...(isMeant('bookings') ? ['test/chaos/bookings.live.test.ts'] : []),
];
const vitest = await startVitest('test', files, { run: true, project: ['live'] });
await vitest.exit(true);

function refuse(why: string): never {
  console.error(why);
  process.exit(1);
}
