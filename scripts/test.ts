/** `npm test`: everything once, or what the arguments of vitest select. */
import { parseCLI, startVitest } from 'vitest/node';

/** A test that never yields cannot be interrupted from inside; the run still has to end. */
const LONGEST_RUN_MS = 60 * 60_000;

setTimeout(() => {
  console.error(`The tests did not end within ${LONGEST_RUN_MS / 60_000} minutes.`);
  process.exit(1);
}, LONGEST_RUN_MS).unref();

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const vitest = await startVitest('test', filter, { ...options, run: true });
await vitest.exit(true);
