import { z } from 'zod';
import type { ConnectionVerb } from '../../commands.ts';
import type { Scope } from '../auth.ts';
import { findConnection } from '../../store/connections.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { asking } from '../commands.ts';
import { notFound, Problem } from '../problem.ts';
import type { Answer, Input, Route } from '../route.ts';
import { route } from '../route.ts';
import { Empty, Id } from '../schemas/common.ts';
import { Connection, Resync } from '../schemas/connection.ts';
import { showConnection } from '../show-connection.ts';

const params = z.strictObject({ connectionId: Id });
type Params = z.output<typeof params>;

const VERBS = [
  ['pause', 'Stop reading and writing the calendar', 'What is known stays, and ages.'],
  ['resume', 'Go on after a pause', 'A pass begins at once.'],
  ['sync-now', 'Read changes now', 'Does not wait for the pass to end.'],
  [
    'disconnect',
    'End the connection',
    'Its busy time goes, its past stays readable; the calendar can be connected anew.',
  ],
] as const;

const facts = (verb: string) => ({
  method: 'post' as const,
  path: `/v1/connections/{connectionId}/${verb}`,
  tag: 'Connections',
  scopes: ['connections:write'] satisfies Scope[],
  params,
  answer: { status: 200, about: 'The connection as it is now.', schema: Connection },
  problems: ['not-found', 'connection-over', 'unavailable'] as const,
});

export const connectionVerbRoutes: Route[] = [
  ...VERBS.map(([kind, summary, about]) =>
    route<Params, unknown, z.output<typeof Empty>>({
      ...facts(kind),
      id: `${kind.replace('-now', 'Now')}Connection`.replace(
        'syncNowConnection',
        'syncConnectionNow',
      ),
      summary,
      about,
      body: Empty,
      handle: (input, deps) => steer(input, deps, { kind }),
    }),
  ),
  route<Params, unknown, z.output<typeof Resync>>({
    ...facts('resync'),
    id: 'resyncConnection',
    summary: 'Read everything anew',
    about:
      'A new generation is built beside the old and swapped in. `acceptRemovals` believes the removals that the deletion guard held back.',
    body: Resync,
    bodyExample: { acceptRemovals: true },
    handle: (input, deps) =>
      steer(input, deps, { kind: 'resync', acceptRemovals: input.body.acceptRemovals }),
  }),
];

async function steer(
  { caller, params }: Input<Params, unknown, unknown>,
  deps: ApiDependencies,
  verb: ConnectionVerb,
): Promise<Answer> {
  const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
  const before = await findConnection(deps.database, ref);
  if (!before) throw notFound('connection');
  if (before.disconnectedAt === null) await asking(deps.commands.steerConnection({ ...ref, verb }));
  else if (verb.kind !== 'disconnect') throw new Problem('connection-over');
  const row = await findConnection(deps.database, ref);
  return { body: showConnection(row ?? before, { tenantId: ref.tenantId, nowAt: deps.now() }) };
}
