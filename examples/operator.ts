/**
 * An operator: what needs a person, and what they say. It asks Temporal by search attribute, so it
 * sees all tenants at once; the same is at `/v1/conflicts/{id}/decide` and `/v1/bookings/{id}/resolve`
 * for one tenant, which also finds a booking whose run is gone.
 *
 *   export TEMPORAL_ADDRESS=127.0.0.1:$(node -p "require('./.holdfast/ports.json').temporal")
 *   node scripts/run.js examples/operator.ts
 *   node scripts/run.js examples/operator.ts pause connection/demo/villa-google
 *   node scripts/run.js examples/operator.ts decide booking-change/demo/… theirs
 *   node scripts/run.js examples/operator.ts resolve booking/demo/… 'refunded by hand, case 4711'
 */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Resolution } from '../src/commands.ts';
import { decideUpdate } from '../temporal/contracts/booking-change.ts';
import { resolveUpdate } from '../temporal/contracts/booking.ts';
import { pauseUpdate, resumeUpdate, statusQuery } from '../temporal/contracts/connection.ts';

/** A paused one was somebody's decision, and is listed so that it is not forgotten. */
const NEED_A_PERSON = ['needs-reauthorization', 'guarded', 'failing', 'paused'];

/** Kept with each decision: a name of a person's account. */
const BY = process.env['USER'] ?? 'operator';
const QUERY_MS = 3_000;
const AT_ONCE = 20;

const { connectionOptions, namespace } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const { workflow } = new Client({ connection, namespace: namespace ?? 'holdfast' });

const [verb, workflowId, word] = process.argv.slice(2);
if (verb === undefined) {
  await listConnections();
  await listBookings();
} else console.log(`${workflowId}: ${await steer(verb, workflowId ?? '')}`);
await connection.close();

async function listConnections(): Promise<void> {
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

/** A step that is stuck, and a conflict that asks: who keeps the time? */
async function listBookings(): Promise<void> {
  let count = 0;
  const query = 'ExecutionStatus = "Running" AND HoldfastAttention IS NOT NULL';
  for await (const { workflowId: id, searchAttributes } of workflow.list({ query })) {
    console.log(`${id}: ${String(searchAttributes['HoldfastAttention'])}`);
    count += 1;
  }
  console.log(`${count} bookings or conflicts need a person.`);
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

async function steer(asked: string, id: string): Promise<string> {
  const run = workflow.getHandle(id);
  if (asked === 'pause') return (await run.executeUpdate(pauseUpdate)).status;
  if (asked === 'resume') return (await run.executeUpdate(resumeUpdate)).status;
  if (asked === 'decide' && (word === 'ours' || word === 'theirs')) {
    const isOurs = await run.executeUpdate(decideUpdate, { args: [{ keep: word, by: BY }] });
    return isOurs ? `decided, ${word} is kept` : 'was decided before';
  }
  const resolution: Resolution | null =
    (asked === 'retry' && { kind: 'retry', by: BY }) ||
    (asked === 'resolve' && word && { kind: 'resolved-by-hand', reason: word, by: BY }) ||
    null;
  if (resolution) return (await run.executeUpdate(resolveUpdate, { args: [resolution] })).kind;
  throw new Error('Say pause, resume, retry, decide … ours|theirs, or resolve … REASON.');
}
