import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { createDatabase } from '../support/postgres.ts';

test('a fresh test database is migrated and belongs to its own test', async () => {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.appUrl });
  await client.connect();
  const { rows } = await client.query<{ transaction_timeout: string }>('show transaction_timeout');
  expect(rows[0]).toEqual({ transaction_timeout: '15s' });
  await client.end();
  await database.drop();
  expect(inject('temporalAddress')).toMatch(/^127\.0\.0\.1:\d+$/);
});
