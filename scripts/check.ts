/** `npm run check`: all that can be known without running Holdfast. Says each piece and its time. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { outOfDate } from './generated.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const PIECES: { name: string; command: string[] }[] = [
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--quiet'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  {
    name: 'import law',
    command: ['depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'temporal'],
  },
  { name: 'unused', command: ['knip', '--no-progress'] },
];

let failed = 0;
for (const { name, command } of PIECES) {
  const startedAt = performance.now();
  const [tool = '', ...args] = command;
  const { status } = spawnSync(`node_modules/.bin/${tool}`, args, { cwd: ROOT, stdio: 'inherit' });
  report(name, status === 0, performance.now() - startedAt);
}
const stale = outOfDate();
for (const path of stale) console.log(`${path} is out of date: run \`npm run generate\`.`);
report('generated files', stale.length === 0, 0);
process.exit(failed === 0 ? 0 : 1);

function report(name: string, isGood: boolean, tookMs: number): void {
  if (!isGood) failed += 1;
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name} (${(tookMs / 1000).toFixed(1)} s)`);
}
