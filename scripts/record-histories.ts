/** `npm run record-histories`: makes runs of every kind and keeps their histories for the replay test. */
import { startVitest } from 'vitest/node';

process.env['RECORD_HISTORIES'] = '1';
const vitest = await startVitest('test', ['test/replay/fresh.live.test.ts'], {
  run: true,
  project: ['live'],
});
await vitest.exit(true);
