import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { workflowBundle } from '../../temporal/bundle.ts';
import type { NamedHistory } from './histories.ts';

export type Bundle = { code: string };

/** The workflows as they are now. */
export const currentCode = (): Promise<Bundle> => workflowBundle();

/** Other workflows, for controls. */
export const codeAt = (workflowsPath: string): Promise<Bundle> =>
  bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });

/** Names of the histories that do not replay under this code, with the error's name. */
export async function failuresOf(
  bundle: Bundle,
  histories: readonly NamedHistory[],
): Promise<Record<string, string>> {
  quiet();
  const failures: Record<string, string> = {};
  const results = Worker.runReplayHistories(
    { workflowBundle: bundle },
    histories.map(({ name, history }) => ({
      workflowId: name,
      history: historyFromJSON(history),
    })),
  );
  for await (const { workflowId, error } of results) if (error) failures[workflowId] = error.name;
  return failures;
}

let isQuiet = false;
/** Controls fail on purpose, and the SDK would log each at length. */
function quiet(): void {
  if (isQuiet) return;
  isQuiet = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  });
}
