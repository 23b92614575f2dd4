import type { Request } from 'express';
import { GraphError, badRequest } from './errors.ts';
import { graphUrl } from './paging.ts';
import type { RoundState } from './state-token.ts';
import type { MicrosoftSwitches } from './switches.ts';

const refused = ['$orderby', '$filter', '$select', '$expand', '$search', '$top'];

/** Source: Graph reference, "event: delta": change tracking takes no such parameters. */
export function refuseParameters(req: Request): void {
  const given = refused.filter((name) => req.query[name] !== undefined);
  if (given.length === 0) return;
  const message = `Change tracking over 'CalendarView' does not support: '${given.join(', ')}'.`;
  throw badRequest('ErrorInvalidUrlQuery', message);
}

/**
 * The client must begin a new round. Source: Graph "Use delta query", synchronization reset; the codes
 * in other letter cases and statuses from microsoft-graph-docs issues 2350 and 2839.
 */
export function resetNeeded(
  req: Request,
  state: RoundState | undefined,
  switches: MicrosoftSwitches,
): GraphError {
  const message = 'The sync state generation is not found; begin a new round.';
  if (switches.resetAnswer === 'gone') {
    const headers = { Location: restartUrl(req, state) };
    return new GraphError(410, 'SyncStateNotFound', { message, headers });
  }
  const code = switches.resetAnswer;
  if (!switches.resetNested) return new GraphError(switches.resetStatus, code, { message });
  return new GraphError(switches.resetStatus, 'BadRequest', {
    message,
    more: { innerError: { code } },
  });
}

/** A round of the same window from its beginning, with an empty `$deltatoken`. */
function restartUrl(req: Request, state: RoundState | undefined): string {
  const path = req.originalUrl.split('?', 1)[0]!.replace(/^\/v1\.0/, '');
  const window =
    state === undefined
      ? ''
      : `startDateTime=${new Date(state.startMs).toISOString()}&endDateTime=${new Date(state.endMs).toISOString()}&`;
  return graphUrl(req, `${path}?${window}$deltatoken=`);
}

const refusals: Record<string, [status: number, message: string]> = {
  ErrorAccessDenied: [403, 'Access is denied. Check credentials and try again.'],
  ErrorItemNotFound: [404, 'The specified object was not found in the store.'],
  ErrorInvalidRequest: [400, 'The request is not supported for a shared calendar.'],
};

/** What a shared calendar says to change tracking and subscriptions. */
export function sharedRefused({ sharedRefusal }: MicrosoftSwitches): GraphError {
  const [status, message] = refusals[sharedRefusal]!;
  return new GraphError(status, sharedRefusal, { message });
}
