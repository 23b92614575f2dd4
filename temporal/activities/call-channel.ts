import { asyncLocalStorage } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { callWithin, type CalledAccount } from '../../src/call-channel.ts';
import type { Access } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Calls a channel from an activity, of which every try but the first is told to come back then. */
export const callChannel = <T>(
  deps: ActivityDependencies,
  account: CalledAccount,
  call: (access: Access) => Promise<T>,
): Promise<T> => callWithin(deps, { ...account, waited: isRetry() }, call);

/** A call that is no activity's, as in a tool or a test, is its first try. */
const isRetry = (): boolean => (asyncLocalStorage.getStore()?.info?.attempt ?? 1) > 1;

/** A longer wait than this is the workflow's, which can be told to stop meanwhile. */
const LONGEST_WAIT_MS = 10_000;

/**
 * Runs one activity of a turn. When the channel asks to be left alone for longer than a turn should
 * last, the turn ends with that wait as the failure's second detail, in milliseconds.
 */
export async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const waitMs = error instanceof Failure ? (error.retryAfterMs ?? 0) : 0;
    if (!(error instanceof Failure) || waitMs <= LONGEST_WAIT_MS) throw error;
    throw ApplicationFailure.create({
      type: error.kind,
      message: error.message,
      nonRetryable: true,
      category: ApplicationFailureCategory.BENIGN,
      details: [error.code, waitMs],
    });
  }
}
