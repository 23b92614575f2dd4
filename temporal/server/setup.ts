/**
 * What Holdfast needs of any Temporal server, ours or a cluster: its namespace and the search
 * attributes that operators filter by. Safe to repeat: `npm run temporal:setup`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, ServiceError } from '@temporalio/client';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time.js';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { SEARCH_ATTRIBUTES as NAMES } from '../contracts/names.ts';

export const SEARCH_ATTRIBUTES = Object.values(NAMES);
export const DEFAULT_NAMESPACE = 'holdfast';

/** A repeated POST finds its finished run for at least this long. */
const RETENTION_MS = 8 * 24 * 60 * 60 * 1000;
/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
/** A server learns of a new namespace when it next refreshes its cache. */
const VISIBLE_WITHIN_MS = 60_000;

/** Makes what is missing and returns when the server works with it. */
export async function setUpTemporal(connection: Connection, namespace: string) {
  await ensureNamespace(connection, namespace);
  await ensureSearchAttributes(connection, namespace);
}

async function ensureNamespace(connection: Connection, namespace: string) {
  const retention = msToTs(RETENTION_MS);
  try {
    const found = await connection.workflowService.describeNamespace({ namespace });
    if ((optionalTsToMs(found.config?.workflowExecutionRetentionTtl) ?? 0) >= RETENTION_MS) return;
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: retention },
    });
  } catch (error) {
    if (codeOf(error) !== NOT_FOUND) throw error;
    await unless(ALREADY_EXISTS, () =>
      connection.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: retention,
      }),
    );
  }
}

async function ensureSearchAttributes(connection: Connection, namespace: string) {
  const missing = await until(() => missingSearchAttributes(connection, namespace));
  if (missing.length === 0) return;
  await unless(ALREADY_EXISTS, () =>
    connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    }),
  );
  await until(async () => {
    const left = await missingSearchAttributes(connection, namespace);
    if (left.length > 0) throw new Error(`search attributes ${left.join(', ')} are not there yet`);
  });
}

async function missingSearchAttributes(connection: Connection, namespace: string) {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const wrong = SEARCH_ATTRIBUTES.find(
    (name) => customAttributes[name] !== undefined && customAttributes[name] !== KEYWORD,
  );
  if (wrong) {
    throw new TypeError(
      `Search attribute ${wrong} exists in namespace ${namespace} with another type than Keyword. ` +
        'Remove it, or give Holdfast a namespace of its own (TEMPORAL_NAMESPACE).',
    );
  }
  return SEARCH_ATTRIBUTES.filter((name) => customAttributes[name] === undefined);
}

async function until<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + VISIBLE_WITHIN_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof TypeError || performance.now() > deadline) throw error;
      await sleep(250);
    }
  }
}

async function unless(code: number, act: () => Promise<unknown>) {
  try {
    await act();
  } catch (error) {
    if (codeOf(error) !== code) throw error;
  }
}

function codeOf(error: unknown): unknown {
  const cause = error instanceof ServiceError ? error.cause : error;
  return (cause as { code?: unknown } | undefined)?.code;
}

if (import.meta.main) {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  // A server that starts at the same time needs a moment.
  const connection = await until(() => Connection.connect(connectionOptions ?? {}));
  await setUpTemporal(connection, namespace ?? DEFAULT_NAMESPACE);
  await connection.close();
  process.stdout.write(`Namespace ${namespace ?? DEFAULT_NAMESPACE} is ready.\n`);
}
