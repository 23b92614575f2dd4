import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ListedCalendar } from '../../channels/channel-provider.ts';
import type { ConnectionSettings } from '../../domain/connection.ts';
import { nameSealOf } from '../../store/calendars.ts';
import { findAccount } from '../../store/accounts.ts';
import { changeConnection } from '../../store/connection-change.ts';
import type { Connected } from '../../store/connections.ts';
import {
  countsOf,
  createConnection,
  findConnection,
  listConnections,
} from '../../store/connections.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { describeError } from '../failures.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { providerOf } from '../providers.ts';
import { route } from '../route.ts';
import { Id, pageQuery } from '../schemas/common.ts';
import {
  Connection,
  ConnectionInFull,
  ConnectionPage,
  ConnectionPatch,
  NewConnection,
} from '../schemas/connection.ts';
import { showConnection, showQuestions } from '../show-connection.ts';

const tag = 'Connections';
const params = z.strictObject({ connectionId: Id });

export const connectionRoutes = [
  route({
    method: 'post',
    path: '/v1/connections',
    id: 'createConnection',
    tag,
    summary: 'Connect a calendar to a resource',
    about:
      'Asks the channel for the calendar, then starts the connection. Nothing of the resource is shown as free until the first pass is complete.',
    scopes: ['connections:write'],
    idempotent: true,
    body: NewConnection,
    bodyExample: { resourceId: 'villa-aurora', accountId: 'a1', calendarId: 'primary' },
    answer: { status: 201, about: 'Connected; the first pass begins.', schema: Connection },
    problems: [
      'unknown-reference',
      'already-exists',
      'account-unusable',
      'channel-refused',
      'channel-unsuitable',
      'channel-limited',
      'unavailable',
    ],
    async handle(input, deps) {
      const { tenantId } = input.caller;
      const connectionId = randomUUID();
      const answer = await createOnce(input, deps, {
        prepare: () => findCalendar(deps, tenantId, input.body),
        create: async (tx, calendar) => {
          const done = await createConnection(tx, tenantId, {
            ...input.body,
            ...calendar.facts,
            id: connectionId,
            calendarName: new Uint8Array(
              nameSealOf(deps.vault, tenantId).seal(connectionId, calendar.name),
            ),
          });
          if (done.kind !== 'connected') throw refusalOf(done);
          const shown = showConnection(done.connection, { tenantId, nowAt: deps.now() });
          return { status: 201, body: shown };
        },
      });
      if (answer.created) await start(deps, { tenantId, connectionId });
      return answer;
    },
  }),
  route({
    method: 'get',
    path: '/v1/connections',
    id: 'listConnections',
    tag,
    summary: 'List connections',
    scopes: ['connections:write'],
    query: z.strictObject({ ...pageQuery, resourceId: Id.optional() }),
    answer: { status: 200, about: 'By id, disconnected ones too.', schema: ConnectionPage },
    problems: [],
    async handle({ caller, query }, { database, now }) {
      const { tenantId } = caller;
      const rows = await listConnections(database, { tenantId, ...query });
      const show = (row: (typeof rows)[number]) => showConnection(row, { tenantId, nowAt: now() });
      return { body: pageOf(rows, { limit: query.limit, keyOf: (row) => row.id, show }) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/connections/{connectionId}',
    id: 'getConnection',
    tag,
    summary: 'Read a connection',
    about: 'Status, since when, why, what a person can do, and how fresh it is.',
    scopes: ['connections:write'],
    params,
    answer: { status: 200, about: 'The connection.', schema: ConnectionInFull },
    problems: ['not-found'],
    async handle({ caller, params }, { database, vault, now }) {
      const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
      const [row, counts] = await Promise.all([
        findConnection(database, ref),
        countsOf(database, ref),
      ]);
      if (!row) throw notFound('connection');
      const shown = showConnection(row, { tenantId: ref.tenantId, nowAt: now() });
      const names = nameSealOf(vault, ref.tenantId);
      const calendarName = row.calendarName && names.open(row.id, row.calendarName);
      const readOnlySince = row.readOnlySince?.toISOString() ?? null;
      const { mirrorQuestions, ...numbers } = counts;
      const mirrorsWaiting = showQuestions(mirrorQuestions);
      return {
        body: { ...shown, calendarName, readOnlySince, counts: numbers, mirrorsWaiting },
      };
    },
  }),
  route({
    method: 'patch',
    path: '/v1/connections/{connectionId}',
    id: 'changeConnection',
    tag,
    summary: "Change a connection's settings or its unit",
    about:
      'What is left out stays. What its events take, and which of our bookings are shown there, follows at once; a booking that now overlaps one of them is in conflict with it. The next pass goes by the other settings.',
    scopes: ['connections:write'],
    params,
    body: ConnectionPatch,
    bodyExample: { settings: { tentative: 'free' } },
    answer: { status: 200, about: 'As it is now.', schema: Connection },
    problems: ['not-found', 'unknown-reference', 'already-exists'],
    async handle({ caller, params, body }, { database, commands, now, log }) {
      const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
      const settings = Object.fromEntries(
        Object.entries(body.settings).filter(([, value]) => value !== undefined),
      );
      const patch = { settings, ...(body.unit !== undefined && { unit: body.unit }) };
      const done = await changeConnection({ database, allows }, ref, patch);
      if (done.kind === 'missing') throw notFound('connection in use');
      if (done.kind !== 'changed') throw refusalOf(done);
      // New intervals take effect now rather than at the end of the old one; losing this is harmless.
      void commands.requestSync(ref).catch((error: unknown) => {
        log('warn', 'a changed connection was not woken', describeError(error));
      });
      return { body: showConnection(done.connection, { tenantId: ref.tenantId, nowAt: now() }) };
    },
  }),
];

/** A patch may give one bound and leave the other. */
function allows({ pollMinMs, pollMaxMs }: ConnectionSettings): void {
  if (pollMinMs <= pollMaxMs) return;
  throw new Problem('invalid-request', {
    detail: 'pollMinMs must not be more than pollMaxMs: send both to move past one another.',
  });
}

type Wanted = z.output<typeof NewConnection>;

/** What the channel says of the calendar; its zone is what floating and all-day times mean. */
async function findCalendar(deps: ApiDependencies, tenantId: string, wanted: Wanted) {
  const ref = { tenantId, accountId: wanted.accountId };
  const account = await findAccount(deps.database, ref);
  if (!account) throw unknown('account');
  const provider = providerOf(deps, account.channel);
  const calendars = await deps.callChannel({ ...ref, channel: account.channel }, (access) =>
    provider.listCalendars({ access }),
  );
  const calendar = chosen(calendars, wanted.calendarId);
  if (!calendar) throw unknown('calendar');
  return {
    name: calendar.name,
    facts: {
      channel: account.channel,
      calendarId: calendar.id,
      timeZone: calendar.timeZone,
      writable: provider.supports.write && calendar.write,
      calendarShared: calendar.shared ?? null,
    },
  };
}

/** `primary` names the account's main calendar, as it does at Google. */
const chosen = (calendars: readonly ListedCalendar[], id: string): ListedCalendar | undefined =>
  calendars.find((one) => one.id === id) ??
  (id === 'primary' ? calendars.find((one) => one.primary) : undefined);

const unknown = (what: string): Problem =>
  new Problem('unknown-reference', { detail: `There is no such ${what}: check its id.` });

function refusalOf(done: Exclude<Connected, { kind: 'connected' }>): Problem {
  if (done.kind === 'already-connected')
    return new Problem('already-exists', {
      detail: 'This calendar is connected to this resource already.',
      more: { connectionId: done.connectionId },
    });
  return unknown(
    { 'no-such-resource': 'resource', 'no-such-account': 'account', 'no-such-unit': 'unit' }[
      done.kind
    ],
  );
}

async function start(
  deps: ApiDependencies,
  ref: { tenantId: string; connectionId: string },
): Promise<void> {
  try {
    await deps.commands.startConnection(ref);
  } catch (error) {
    // The row is dirty from the start, so the sweeper starts it.
    deps.log('warn', 'a connection waits for the sweeper', {
      connectionId: ref.connectionId,
      ...describeError(error),
    });
  }
}
