import { Failure, isRetryable } from '../../src/domain/failure.ts';

/** For acts that have no other way out: no refusal is final, what stands in their way is put right. */
export async function insisting<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Failure) || isRetryable(error.kind)) throw error;
    throw new Failure({ kind: 'unavailable', code: `${error.kind}-${error.code}` });
  }
}
