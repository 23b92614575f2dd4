import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

/** Where `npm run build` leaves the bundle, so that a container starts without webpack. */
const BUILT = new URL('../workflow-bundle.js', import.meta.url);

/** The workflows as the worker's sandbox takes them: prebuilt where there is one, else made now. */
export async function workflowBundle(): Promise<WorkflowBundleWithSourceMap | { code: string }> {
  try {
    return { code: await readFile(BUILT, 'utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflows', import.meta.url)),
    workflowInterceptorModules: [fileURLToPath(new URL('./workflows/answers.ts', import.meta.url))],
    logger: {
      log: () => undefined,
      trace: () => undefined,
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    },
  });
}
