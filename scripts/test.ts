/** `npm test`: everything once, or what the arguments of vitest select. */
import { parseCLI, startVitest } from 'vitest/node';

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const vitest = await startVitest('test', filter, { ...options, run: true });
await vitest.exit(true);
