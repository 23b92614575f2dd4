import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { ConnectionSettings, ConnectionStatus, PushRefusal } from '../domain/connection.ts';
import type { MirrorAttention } from '../domain/mirror.ts';
import type { Database } from './database.ts';
import type { Connection, Prisma } from './generated/client.ts';
import type { Tx } from './transactions.ts';
import { appendEntry, lockResource } from './transactions.ts';

export interface StoredConnection {
  id: string;
  resourceId: string;
  unit: number | null;
  accountId: string;
  channel: string;
  calendarId: string;
  timeZone: string;
  settings: ConnectionSettings;
  writable: boolean;
  /** Sealed; null until it was listed. */
  calendarName: Uint8Array<ArrayBuffer> | null;
  calendarShared: boolean | null;
  readOnlySince: Date | null;
  status: ConnectionStatus;
  statusSince: Date;
  statusReason: string | null;
  dirty: boolean;
  confirmedAt: Date | null;
  expandedUntil: Date | null;
  watchedUntil: Date | null;
  pollIntervalMs: number | null;
  pollInForceMs: number | null;
  pushRefused: PushRefusal | null;
  coversUntil: Date | null;
  cursorVersion: bigint;
  generation: number;
  createdAt: Date;
  disconnectedAt: Date | null;
}

export interface ConnectionRef {
  tenantId: string;
  connectionId: string;
}

export type NewConnection = Pick<
  StoredConnection,
  | 'id'
  | 'resourceId'
  | 'unit'
  | 'accountId'
  | 'channel'
  | 'calendarId'
  | 'timeZone'
  | 'settings'
  | 'writable'
> &
  Partial<Pick<StoredConnection, 'calendarName' | 'calendarShared'>>;

export type Connected =
  | { kind: 'connected'; connection: StoredConnection }
  | { kind: 'no-such-resource' | 'no-such-account' | 'no-such-unit' }
  | { kind: 'already-connected'; connectionId: string };

/** Binds a calendar to a resource. One calendar serves one place of one resource at a time. */
export async function createConnection(
  tx: Tx,
  tenantId: string,
  input: NewConnection,
): Promise<Connected> {
  const { resourceId, unit, accountId, calendarId } = input;
  // A booking confirmed meanwhile is either seen below, or sees the connection.
  await lockResource(tx, tenantId, resourceId);
  // Two at once would both find no other.
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(lock_key(${tenantId}, 'account', ${accountId}))`;
  const resource = await tx.resource.findUnique({
    where: { tenantId_id: { tenantId, id: resourceId }, archivedAt: null },
  });
  if (!resource) return { kind: 'no-such-resource' };
  if (unit !== null && unit > resource.capacity) return { kind: 'no-such-unit' };
  const account = await tx.account.findUnique({
    where: { tenantId_id: { tenantId, id: accountId } },
  });
  if (!account) return { kind: 'no-such-account' };
  const other = await tx.connection.findFirst({
    where: { tenantId, resourceId, unit, accountId, calendarId, disconnectedAt: null },
  });
  if (other) return { kind: 'already-connected', connectionId: other.id };
  const row = await tx.connection.create({
    data: { ...input, tenantId, settings: json(input.settings), seq: 1n },
  });
  await enter(tx, row, 'connection.created');
  await tx.$executeRaw`SELECT wish_mirrors(${tenantId}, ${row.id}, false)`;
  return { kind: 'connected', connection: connectionOf(row) };
}

export async function findConnection(
  database: Database,
  { tenantId, connectionId }: ConnectionRef,
): Promise<StoredConnection | null> {
  const row = await database.prisma.connection.findUnique({
    where: { tenantId_id: { tenantId, id: connectionId } },
  });
  return row && connectionOf(row);
}

export async function listConnections(
  database: Database,
  page: {
    tenantId: string;
    resourceId?: string | undefined;
    after?: string | undefined;
    limit: number;
  },
): Promise<StoredConnection[]> {
  const rows = await database.prisma.connection.findMany({
    where: {
      tenantId: page.tenantId,
      id: { gt: page.after ?? '' },
      ...(page.resourceId === undefined ? {} : { resourceId: page.resourceId }),
    },
    orderBy: { id: 'asc' },
    take: page.limit,
  });
  return rows.map(connectionOf);
}

/** Ids of the connections that an account opens. */
export async function connectionsOfResource(
  database: Database,
  { tenantId, resourceId }: { tenantId: string; resourceId: string },
): Promise<string[]> {
  const rows = await database.prisma.connection.findMany({
    where: { tenantId, resourceId, disconnectedAt: null },
    select: { id: true },
  });
  return rows.map((row) => row.id);
}

export async function connectionsOfAccount(
  database: Database,
  { tenantId, accountId }: { tenantId: string; accountId: string },
): Promise<string[]> {
  const rows = await database.prisma.connection.findMany({
    where: { tenantId, accountId, disconnectedAt: null },
    select: { id: true },
  });
  return rows.map((row) => row.id);
}

interface ConnectionCounts {
  events: number;
  withheld: number;
  busySpans: number;
  /** Not yet carried out. */
  mirrorsBehind: number;
  /** Those that a person has to look at. */
  mirrorsInQuestion: number;
  /** Open ones; and those of them that came in such numbers that a person is asked. */
  conflicts: number;
  conflictsInMass: number;
  /** How many of these for each reason. */
  mirrorQuestions: Partial<Record<MirrorAttention, number>>;
}

/** What a connection holds and is to hold. */
export async function countsOf(
  database: Database,
  { tenantId, connectionId }: ConnectionRef,
): Promise<ConnectionCounts> {
  const { rows } = await database.pool.query<ConnectionCounts>(
    `SELECT (SELECT count(*)::integer FROM busy
              WHERE tenant_id = $1 AND connection_id = $2) AS "busySpans",
            (SELECT count(*)::integer FROM mirror WHERE tenant_id = $1 AND connection_id = $2
                AND applied_version < desired_version) AS "mirrorsBehind",
            (SELECT count(*)::integer FROM mirror WHERE tenant_id = $1 AND connection_id = $2
                AND attention IS NOT NULL) AS "mirrorsInQuestion",
            (SELECT count(*)::integer FROM conflict WHERE tenant_id = $1 AND connection_id = $2
                AND state = 'open') AS conflicts,
            (SELECT count(*)::integer FROM conflict WHERE tenant_id = $1 AND connection_id = $2
                AND state = 'open' AND asked_because = 'mass') AS "conflictsInMass",
            (SELECT coalesce(json_object_agg(attention, many), '{}') FROM (
               SELECT attention, count(*)::integer AS many FROM mirror
                WHERE tenant_id = $1 AND connection_id = $2 AND attention IS NOT NULL
                GROUP BY attention) q) AS "mirrorQuestions",
            count(*)::integer AS events, count(withheld_reason)::integer AS withheld
       FROM channel_event
      WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)`,
    [tenantId, connectionId],
  );
  return rows[0]!;
}

const enter = (tx: Tx, row: Connection, type: string): Promise<void> =>
  appendEntry(tx, {
    tenantId: row.tenantId,
    subject: `connection/${row.id}`,
    seq: row.seq,
    type,
    data: { resourceId: row.resourceId, channel: row.channel, settings: row.settings },
  });

const connectionOf = (row: Connection): StoredConnection => ({
  ...row,
  status: row.status as ConnectionStatus,
  pushRefused: row.pushRefused as PushRefusal | null,
  settings: { ...DEFAULT_CONNECTION_SETTINGS, ...(row.settings as Partial<ConnectionSettings>) },
});

const json = (settings: ConnectionSettings) => settings as unknown as Prisma.InputJsonObject;
