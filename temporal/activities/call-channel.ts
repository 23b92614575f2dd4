import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { Access } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { ActivityDependencies } from './dependencies.ts';

/**
 * Calls a channel with an open account. A token refused before its time is refreshed once, since
 * channels revoke tokens early; refused again, the account needs a person.
 */
export async function callChannel<T>(
  deps: ActivityDependencies,
  account: { tenantId: string; accountId: string },
  call: (access: Access) => Promise<T>,
): Promise<T> {
  const { openAccess } = deps;
  const access = await openAccess(account);
  try {
    return await call(access);
  } catch (error) {
    const refused = error instanceof Failure && error.kind === 'unauthorized';
    if (!refused || access.kind !== 'bearer') throw error;
    return call(await openAccess(account, access.accessToken));
  }
}

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
