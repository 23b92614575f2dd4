import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

const nothing = (): void => undefined;

/** The workflows as the worker's sandbox takes them, made when a worker starts. */
export const workflowBundle = (): Promise<WorkflowBundleWithSourceMap> =>
  bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflows', import.meta.url)),
    workflowInterceptorModules: [fileURLToPath(new URL('./workflows/answers.ts', import.meta.url))],
    logger: {
      log: nothing,
      trace: nothing,
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: nothing,
    },
  });
