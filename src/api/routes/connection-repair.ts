import { z } from 'zod';
import type { ConnectionVerb } from '../../commands.ts';
import { knownFrom } from '../../store/history-of-events.ts';
import type { Scope } from '../auth.ts';
import { Problem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { Empty, Id } from '../schemas/common.ts';
import { Connection } from '../schemas/connection.ts';
import { Restore } from '../schemas/history.ts';
import { steer } from './connection-verbs.ts';

const params = z.strictObject({ connectionId: Id });
type Params = z.output<typeof params>;

const facts = (verb: ConnectionVerb['kind'], scope: Scope) => ({
  method: 'post' as const,
  path: `/v1/connections/{connectionId}/${verb}`,
  tag: 'Connections',
  scopes: [scope],
  params,
  answer: { status: 200, about: 'The connection as it is now.', schema: Connection },
  problems: ['not-found', 'connection-over', 'unavailable'] as const,
});

/** What an operator decides about a copy that looks wrong. */
export const connectionRepairRoutes: Route[] = [
  route<Params, unknown, z.output<typeof Empty>>({
    ...facts('accept-removals', 'connections:write'),
    id: 'acceptRemovals',
    summary: 'Believe what the deletion guard held back',
    about:
      'Everything is read anew, and what the channel then does not list is gone. The answer comes after that.',
    body: Empty,
    handle: (input, deps) => steer(input, deps, { kind: 'accept-removals' }),
  }),
  route<Params, unknown, z.output<typeof Empty>>({
    ...facts('refuse-removals', 'connections:write'),
    id: 'refuseRemovals',
    summary: 'Keep what the deletion guard held back',
    about:
      'What was known goes on blocking. Its absence counts anew from now: a complete listing one poll interval and at least ten minutes later decides. Ask again to keep it longer.',
    body: Empty,
    handle: (input, deps) => steer(input, deps, { kind: 'refuse-removals' }),
  }),
  route<Params, unknown, z.output<typeof Restore>>({
    ...facts('restore', 'admin'),
    id: 'restoreConnection',
    summary: 'Set the copy of the calendar back to a past moment',
    about:
      'Entries and busy time become what they were then, and the connection is paused, so that they stay. `resume` reads everything anew: from then on the channel is believed again, as ever under the deletion guard.',
    problems: ['not-found', 'connection-over', 'unavailable', 'invalid-request'],
    body: Restore,
    bodyExample: { at: '2027-01-31T09:00:00Z' },
    async handle(input, deps) {
      const { caller, params, body } = input;
      const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
      const from = await knownFrom(deps.database.pool, ref);
      const at = new Date(body.at);
      // Where nothing was ever known, `steer` says what is wrong.
      if (from && (at < from || at.getTime() > deps.now())) throw outside(from);
      return steer(input, deps, { kind: 'restore', at: body.at });
    },
  }),
];

const outside = (from: Date) =>
  new Problem('invalid-request', {
    detail: `Nothing is known of that moment: choose one from ${from.toISOString()} to now.`,
    more: { errors: [{ in: 'body', pointer: '/at', detail: 'must be a moment that is known' }] },
  });
