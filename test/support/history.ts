import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Holdfast } from './holdfast.ts';

/** A view into the run's Temporal server, for tests that look at histories. */
export interface TemporalView {
  client: Client;
  /** The history of a workflow's latest run, or of the given one, as the SDK writes it to files. */
  history: (workflowId: string, runId?: string) => Promise<JsonHistory>;
  /** Ids and types of the runs of a test's task queue, once that many are visible. */
  runs: (query: string) => Promise<{ workflowId: string; runId: string; type: string }[]>;
  close: () => Promise<void>;
}

export interface JsonHistory {
  events: Record<string, unknown>[];
}

export async function viewTemporal(): Promise<TemporalView> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const client = new Client({ connection, namespace: inject('temporalNamespace') });
  return {
    client,
    async history(workflowId, runId) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      return JSON.parse(historyToJSON(history)) as JsonHistory;
    },
    async runs(query) {
      const found: { workflowId: string; runId: string; type: string }[] = [];
      for await (const { workflowId, runId, type } of client.workflow.list({ query }))
        found.push({ workflowId, runId, type });
      return found;
    },
    close: () => connection.close(),
  };
}

export const onQueue = (holdfast: Holdfast): string =>
  `TaskQueue = '${holdfast.env['HOLDFAST_TASK_QUEUE']}'`;

/** Every text of a history, with payloads decoded: nothing hides in base64. */
export function textOf(history: JsonHistory): string {
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') {
      texts.push(value);
      if (value.length >= 8 && /^[A-Za-z0-9+/]+={0,2}$/.test(value))
        texts.push(Buffer.from(value, 'base64').toString('utf8'));
    } else if (typeof value === 'object' && value !== null) {
      texts.push(...Object.keys(value));
      for (const one of Object.values(value)) walk(one);
    }
  };
  walk(history);
  return texts.join('\n');
}
