import { connectionsOfAccount } from '../store/connections.ts';
import type { ApiDependencies } from './dependencies.ts';
import { describeError } from './failures.ts';

/**
 * Tells an account's connections that it opens again. One that is not told now is told by
 * the sweeper.
 */
export async function wakeAccount(
  deps: ApiDependencies,
  account: { tenantId: string; accountId: string },
): Promise<void> {
  const { tenantId } = account;
  const ids = await connectionsOfAccount(deps.database, account);
  const told = ids.map((connectionId) => deps.commands.reauthorized({ tenantId, connectionId }));
  for (const outcome of await Promise.allSettled(told))
    if (outcome.status === 'rejected')
      deps.log('warn', 'a connection was not told', describeError(outcome.reason));
}
