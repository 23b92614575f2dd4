import type { Commands, ConnectionRef } from '../../src/commands.ts';
import {
  acceptRemovalsUpdate,
  disconnectUpdate,
  notifySignal,
  pauseUpdate,
  refuseRemovalsUpdate,
  restoreUpdate,
  resumeUpdate,
  resyncUpdate,
  syncNowUpdate,
  type ConnectionInput,
} from '../contracts/connection.ts';
import { connectionWorkflowId, fairnessKey } from '../contracts/names.ts';
import { askPatiently, keyword, STEER_DEADLINE_MS, type CommandSetup } from './setup.ts';

/** Tells a connection's workflow, starting it where it is gone. */
export async function tell(
  { client, taskQueue, lookups }: CommandSetup,
  ref: ConnectionRef,
  what: 'change' | 'mirror' | 'reauthorized',
): Promise<void> {
  const row = await lookups.connection(ref);
  if (!row) return;
  await client.workflow.signalWithStart('connection', {
    ...connectionStart(taskQueue, ref, row),
    signal: notifySignal,
    signalArgs: [{ what }],
  });
}

const connectionStart = (
  taskQueue: string,
  { tenantId, connectionId }: ConnectionRef,
  row: { channel: string; resourceId: string },
) => ({
  workflowId: connectionWorkflowId({ tenantId, connectionId }),
  taskQueue,
  args: [{ v: 1, tenantId, connectionId, ...row, taskQueue } satisfies ConnectionInput] as [
    ConnectionInput,
  ],
  priority: { fairnessKey: fairnessKey(tenantId) },
  staticSummary: `${row.channel} calendar of ${row.resourceId}`,
  typedSearchAttributes: [
    { key: keyword('tenant'), value: tenantId },
    { key: keyword('resource'), value: row.resourceId },
    { key: keyword('channel'), value: row.channel },
    { key: keyword('status'), value: 'connecting' },
  ],
});

export async function steerConnection(
  setup: CommandSetup,
  { verb, ...ref }: Parameters<Commands['steerConnection']>[0],
): Promise<void> {
  await tell(setup, ref, 'mirror'); // The workflow may be gone; a verb needs somebody to hear it.
  const { client } = setup;
  const handle = client.workflow.getHandle(connectionWorkflowId(ref));
  await askPatiently(client, STEER_DEADLINE_MS, () => {
    if (verb.kind === 'resync')
      return handle.executeUpdate(resyncUpdate, {
        args: [{ acceptRemovals: verb.acceptRemovals }],
      });
    if (verb.kind === 'restore')
      return handle.executeUpdate(restoreUpdate, { args: [{ at: verb.at }] });
    if (verb.kind === 'disconnect')
      return handle.executeUpdate(disconnectUpdate, {
        args: [{ removeMirrors: verb.removeMirrors }],
      });
    return handle.executeUpdate(VERBS[verb.kind]);
  });
}

const VERBS = {
  pause: pauseUpdate,
  resume: resumeUpdate,
  'sync-now': syncNowUpdate,
  'accept-removals': acceptRemovalsUpdate,
  'refuse-removals': refuseRemovalsUpdate,
};
