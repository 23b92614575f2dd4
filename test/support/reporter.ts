import type { Reporter, TestModule } from 'vitest/node';

interface Count {
  passed: number;
  failed: number;
}

const isCi = process.env['CI'] === 'true';
let count: Count | undefined;

/**
 * Closes the run with the line `N passed, N failed`, after everything else that prints. A file that
 * does not load, an error outside of any test, and a run that never ended count as failed tests;
 * so does a skipped test under `CI=true`.
 */
export const countingReporter: Reporter = {
  onInit(vitest) {
    if (vitest.config.watch) return;
    process.once('exit', (code) => {
      const { passed, failed } = count ?? { passed: 0, failed: 1 };
      const unseen = code !== 0 && failed === 0 ? 1 : 0;
      if (failed + unseen > 0) process.exitCode = 1;
      process.stdout.write(`\n${passed} passed, ${failed + unseen} failed\n`);
    });
  },
  onTestRunEnd(modules, unhandledErrors) {
    count = { passed: 0, failed: unhandledErrors.length };
    for (const module of modules) add(count, module);
    if (count.failed > 0) process.exitCode = 1;
  },
};

function add(total: Count, module: TestModule) {
  const before = total.failed;
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === 'passed') total.passed += 1;
    if (result.state === 'failed') total.failed += 1;
    if (result.state === 'pending') total.failed += 1;
    if (result.state === 'skipped') {
      if (isCi) total.failed += 1;
      const why = result.note ?? 'it gives no reason';
      console.log(`skipped: ${test.fullName} (${why})`);
    }
  }
  if (module.state() === 'failed' && total.failed === before) total.failed += 1;
}
