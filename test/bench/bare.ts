import { randomUUID } from 'node:crypto';
import type { Stage } from './stage.ts';

/** Runs the bare three-activity workflow once; answers its id. */
export async function runBare({ temporal, referenceQueue }: Stage): Promise<string> {
  const workflowId = `bare/${randomUUID()}`;
  await temporal.workflow.execute('bare', { workflowId, taskQueue: referenceQueue });
  return workflowId;
}

export async function eventsOf({ temporal }: Stage, workflowId: string): Promise<number> {
  const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory();
  return events?.length ?? 0;
}
