import { defineConfig } from 'vitest/config';
import { countingReporter } from './test/support/reporter.ts';

export default defineConfig({
  test: {
    reporters: ['default', countingReporter],
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.pure.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'live',
          include: ['test/**/*.live.test.ts'],
          globalSetup: ['./test/support/global-setup.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Measurements and races need the machine to themselves more than they need speed.
          sequence: { groupOrder: 1 },
        },
      },
    ],
    teardownTimeout: 60_000,
  },
});
