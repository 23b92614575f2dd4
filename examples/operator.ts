/**
 * An operator: which connections need a person, and pausing or resuming one. It asks Temporal by
 * search attribute, so it sees all tenants at once.
 *
 *   export TEMPORAL_ADDRESS=127.0.0.1:$(node -p "require('./.holdfast/ports.json').temporal")
 *   node scripts/run.js examples/operator.ts
 *   node scripts/run.js examples/operator.ts pause connection/demo/villa-google
 */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { pauseUpdate, resumeUpdate, statusQuery } from '../temporal/contracts/connection.ts';

/** A paused one was somebody's decision, and is listed so that it is not forgotten. */
const NEED_A_PERSON = ['needs-reauthorization', 'guarded', 'failing', 'paused'];

const QUERY_MS = 3_000;
const AT_ONCE = 20;

const { connectionOptions, namespace } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const { workflow } = new Client({ connection, namespace: namespace ?? 'holdfast' });

const [verb, workflowId] = process.argv.slice(2);
if (verb === undefined) await list();
else await steer(verb, workflowId ?? '');
await connection.close();

async function list(): Promise<void> {
  const statuses = NEED_A_PERSON.map((status) => `"${status}"`).join(', ');
  const query = `WorkflowType = "connection" AND ExecutionStatus = "Running" AND HoldfastStatus IN (${statuses})`;
  const ids: string[] = [];
  for await (const run of workflow.list({ query })) ids.push(run.workflowId);
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const some = ids.slice(at, at + AT_ONCE);
    const told = await Promise.all(some.map(describe));
    for (const [n, id] of some.entries()) console.log(`${id}: ${told[n]}`);
  }
  console.log(
    `${ids.length} connections need a person; docs/operations.md says what to do for each.`,
  );
}

/** A run whose worker is away keeps nobody from seeing the others. */
async function describe(id: string): Promise<string> {
  const asked = connection.withDeadline(Date.now() + QUERY_MS, () =>
    workflow.getHandle(id).query(statusQuery),
  );
  return asked.then(
    ({ status, failures, nextPassAt }) =>
      `${status}, ${failures} failures, next look ${nextPassAt}`,
    () => 'no worker answers for it; see whether its workers run',
  );
}

async function steer(asked: string, id: string): Promise<void> {
  const verbs = { pause: pauseUpdate, resume: resumeUpdate };
  if ((asked !== 'pause' && asked !== 'resume') || id === '')
    throw new Error('Say pause or resume, and the workflow id as the list shows it.');
  const { status } = await workflow.getHandle(id).executeUpdate(verbs[asked]);
  console.log(`${id}: ${status}`);
}
