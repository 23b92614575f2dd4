import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { Access, Channel } from '../../src/channels/channel-provider.ts';
import { secretOf } from '../../src/access.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withPermit } from './permit.ts';

/** An account at a channel. */
export interface CalledAccount {
  tenantId: string;
  accountId: string;
  channel: string;
}

/**
 * Calls a channel with an open account, within the channel's limits. A token refused before its time
 * is refreshed once, since channels revoke tokens early, and a refused password is tried once more;
 * refused again, the account needs a person.
 */
export async function callChannel<T>(
  deps: ActivityDependencies,
  account: CalledAccount,
  call: (access: Access) => Promise<T>,
): Promise<T> {
  const channel = account.channel as Channel;
  const { tenantId, accountId } = account;
  const { oauth } = providerOf(deps.channels, channel).supports;
  // A renewal asks the channel too, so where accounts are renewed the permit comes first.
  const opened = oauth ? null : await deps.openAccess(account);
  const party = opened ? `${channel}/${hostOf(opened)}` : channel;
  return withPermit(deps, { tenantId, accountId, channel, party }, async ({ ask }) => {
    const access = opened ?? (await deps.openAccess(account));
    try {
      return await ask(() => call(access));
    } catch (error) {
      const refused = error instanceof Failure && error.kind === 'unauthorized';
      if (!refused || access.kind === 'url') throw error;
      const renewed = await deps.openAccess(account, secretOf(access));
      return ask(() => call(renewed));
    }
  });
}

/** Where the account's calendars live, without anything secret. */
function hostOf(access: Access): string {
  if (access.kind === 'bearer') return 'default';
  const address = access.kind === 'url' ? access.url : (access.homeUrl ?? access.serverUrl);
  return URL.canParse(address) ? new URL(address).host : 'unreadable';
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
