import { unavailable } from './failures.ts';

/** What was asked of a workflow, or `unavailable`: nothing else can be told from its error. */
export async function asking<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw Object.assign(unavailable('The workflow service'), { cause: error });
  }
}
