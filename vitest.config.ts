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
          maxWorkers: 2,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
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
          // After the quick ones, and with the machine to themselves.
          sequence: { groupOrder: 1 },
        },
      },
    ],
    teardownTimeout: 60_000,
  },
});
