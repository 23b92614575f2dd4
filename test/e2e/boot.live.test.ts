import { randomBytes } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { createDatabase } from '../support/postgres.ts';

it('a worker comes up and goes down', async () => {
  const database = await createDatabase();
  const worker = await startChild('temporal/worker.ts', {
    DATABASE_URL: database.appUrl,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: inject('temporalNamespace'),
    HOLDFAST_KEYRING: `k1:${randomBytes(32).toString('base64')}`,
  });
  await worker.stop();
  console.log(worker.log());
  expect(worker.ready['ready']).toBe(true);
});
