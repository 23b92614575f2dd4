import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { SEARCH_ATTRIBUTES, setUpTemporal } from '../../../temporal/server/setup.ts';
import { dynamicConfig } from '../../../temporal/server/start.ts';

let connection: Connection;
beforeAll(async () => {
  connection = await Connection.connect({ address: inject('temporalAddress') });
});
afterAll(() => connection.close());

test('a namespace that is set up twice keeps runs for eight days and takes every search attribute', async () => {
  const namespace = `setup-${Date.now()}`;
  await setUpTemporal(connection, namespace);
  await setUpTemporal(connection, namespace);

  const { config } = await connection.workflowService.describeNamespace({ namespace });
  expect(tsToMs(config?.workflowExecutionRetentionTtl)).toBe(8 * 86_400_000);
  const client = new Client({ connection, namespace });
  const handle = await client.workflow.start('nobody-runs-this', {
    workflowId: 'one',
    taskQueue: 'nobody-polls-this',
    typedSearchAttributes: SEARCH_ATTRIBUTES.map((name) => ({
      key: defineSearchAttributeKey(name, 'KEYWORD'),
      value: 'x',
    })),
  });
  await handle.terminate();
});

test('the server gets every setting of dynamic-config.yaml', () => {
  const file = new URL('../../../temporal/server/dynamic-config.yaml', import.meta.url);
  const written = parse(readFileSync(file, 'utf8')) as Record<string, { value: unknown }[]>;
  const expected = Object.entries(written).map(([key, [first]]) => [key, String(first?.value)]);
  expect(dynamicConfig()).toEqual(expected);
});
