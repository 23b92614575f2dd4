import { connectionsOfResource } from '../store/connections.ts';
import type { ResourceRef } from '../store/resources.ts';
import type { ApiDependencies } from './dependencies.ts';
import { describeError } from './failures.ts';

/**
 * Has the calendars of a resource looked at, so that what they say is read by its new rules. One that
 * is not told now does so with its next pass.
 */
export async function wakeCalendars(
  { database, commands, log }: Pick<ApiDependencies, 'database' | 'commands' | 'log'>,
  resource: ResourceRef,
): Promise<void> {
  const { tenantId } = resource;
  const ids = await connectionsOfResource(database, resource);
  const told = ids.map((connectionId) => commands.requestSync({ tenantId, connectionId }));
  for (const outcome of await Promise.allSettled(told))
    if (outcome.status === 'rejected')
      log('warn', 'a connection was not told', describeError(outcome.reason));
}
