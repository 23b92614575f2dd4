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
