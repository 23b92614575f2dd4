import { defineConfig } from 'vitest/config';
import { countingReporter } from '../../support/reporter.ts';

// Run by reporter.live.test.ts alone.
export default defineConfig({
  test: { include: ['*.case.ts'], reporters: ['default', countingReporter] },
});
