import type { ApiDependencies } from './dependencies.ts';
import { describeError } from './failures.ts';

/** Not waited for: what is to be written is in rows, and a sweeper tells what nobody was told. */
export function wakeMirrors(
  { commands, log }: Pick<ApiDependencies, 'commands' | 'log'>,
  tenantId: string,
  connectionIds: readonly string[],
): void {
  for (const connectionId of connectionIds)
    commands.requestMirror({ tenantId, connectionId }).catch((error: unknown) => {
      log('warn', 'a mirror waits for the sweeper', { connectionId, ...describeError(error) });
    });
}
