import type { ConnectionRef } from './commands.ts';
import type { Log } from './log.ts';

/**
 * Lets the workflows of an account that was refused show what their rows say already. Nobody waits
 * for it: one that is not told now finds out at its next try.
 */
export function tellAll(
  connections: readonly ConnectionRef[],
  { tell, log }: { tell: (connection: ConnectionRef) => Promise<void>; log: Log },
): void {
  for (const connection of connections)
    void tell(connection).catch(() => {
      const { connectionId } = connection;
      log('warn', 'a connection was not told that its account is refused', { connectionId });
    });
}
