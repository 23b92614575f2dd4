import { z } from 'zod';
import type { ConnectionVerb } from '../../commands.ts';
import type { Pull } from '../../domain/connection.ts';
import type { Scope } from '../auth.ts';
import { findConnection } from '../../store/connections.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { asking } from '../commands.ts';
import { pullNow } from '../pull-now.ts';
import { notFound, Problem } from '../problem.ts';
import type { Answer, Input, Route } from '../route.ts';
import { route } from '../route.ts';
import { Empty, Id } from '../schemas/common.ts';
import { Connection, Disconnection, PulledConnection, Resync } from '../schemas/connection.ts';
import { showConnection } from '../show-connection.ts';

const params = z.strictObject({ connectionId: Id });
type Params = z.output<typeof params>;

const VERBS = [
  ['pause', 'Stop reading and writing the calendar', 'What is known stays, and ages.'],
  ['resume', 'Go on after a pause', 'A pass begins at once.'],
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
      id: `${kind}Connection`,
      summary,
      about,
      body: Empty,
      handle: (input, deps) => steer(input, deps, { kind }),
    }),
  ),
  route<Params, unknown, z.output<typeof Disconnection>>({
    ...facts('disconnect'),
    id: 'disconnectConnection',
    summary: 'End the connection',
    about:
      'Its busy time goes, its past stays readable; the calendar can be connected anew. What we wrote there stays, unless `removeMirrors` or the setting `removeOnDisconnect` says otherwise; a channel that is down keeps nobody from leaving it.',
    body: Disconnection,
    bodyExample: { removeMirrors: true },
    handle: disconnect,
  }),
  route<Params, unknown, z.output<typeof Empty>>({
    ...facts('sync-now'),
    id: 'syncConnectionNow',
    summary: 'Read changes now',
    about:
      'Waits for the look to end, at most 20 s. Ten in a row are made; after them one every five seconds, and `pulled` says so.',
    answer: { status: 200, about: 'The connection as it is now.', schema: PulledConnection },
    body: Empty,
    handle: syncNow,
  }),
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

const NOW_WAIT_MS = 20_000;
/** A person may ask a few times in a row; on the long run the rate holds. */
const NOW_AHEAD = 10;

async function syncNow(
  { caller, params }: Input<Params, unknown, unknown>,
  deps: ApiDependencies,
): Promise<Answer> {
  const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
  const before = await findConnection(deps.database, ref);
  if (!before) throw notFound('connection');
  if (before.disconnectedAt !== null) throw new Problem('connection-over');
  const pulled: Pull =
    before.status === 'paused'
      ? 'skipped'
      : await asking(pullNow(deps, ref, { timeoutMs: NOW_WAIT_MS, ahead: NOW_AHEAD }));
  const row = await findConnection(deps.database, ref);
  const shown = showConnection(row ?? before, { tenantId: ref.tenantId, nowAt: deps.now() });
  return { body: { ...shown, pulled } };
}

async function disconnect(
  input: Input<Params, unknown, z.output<typeof Disconnection>>,
  deps: ApiDependencies,
): Promise<Answer> {
  const { tenantId } = input.caller;
  const before = await findConnection(deps.database, { tenantId, ...input.params });
  if (!before) throw notFound('connection');
  const removeMirrors = input.body.removeMirrors ?? before.settings.removeOnDisconnect;
  return steer(input, deps, { kind: 'disconnect', removeMirrors });
}

export async function steer(
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
