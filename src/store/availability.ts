import type { AvailabilityFacts, Taken } from '../domain/availability.ts';
import type { ConnectionSettings } from '../domain/connection.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { Linked } from '../domain/linked.ts';
import type { ResourceSettings } from '../domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../domain/resource.ts';
import type { SessionFacts } from '../domain/session.ts';
import { READ_AVAILABILITY } from './availability-query.ts';
import type { Database } from './database.ts';

/** All that an availability answer rests on, from one snapshot; instants in epoch milliseconds. */
export interface AvailabilityRead {
  facts: AvailabilityFacts;
  /** Of a resource that sells sessions, those that begin in the range, by start; null of another. */
  sessions: SessionFacts[] | null;
  /** Also of what it is linked to. */
  connections: ConnectionFreshness[];
  /** Entries that could not be fully understood and block what of them is. */
  withheld: number;
}

export interface ConnectionFreshness {
  id: string;
  channel: string;
  status: string;
  settings: ConnectionSettings;
  confirmedAt: number | null;
  watchedUntil: number | null;
  /** The interval in force between polls. */
  pollMs: number | null;
  knownUntil: number;
  /** The youngest entry of the feed; null when none came by a notification or poll yet. */
  newest: { visibleAt: number; notifiedAt: number | null; updatedAt: string | null } | null;
}

interface Outside {
  busy: Spans | null;
  blocks: Spans | null;
  connections: StoredConnection[] | null;
}

interface Row extends Outside {
  id: string;
  own: boolean;
  /** How many of it the booking takes; null for all. */
  units: number | null;
  archived: boolean;
  timeZone: string;
  capacity: number;
  settings: Partial<ResourceSettings>;
  nowAt: number;
  occupied: Spans | null;
  begins: number[] | null;
  sessions: SessionFacts[] | null;
  /** Above it, where there are links. */
  wholes: (Outside & { id: string })[] | null;
}

type StoredConnection = Omit<ConnectionFreshness, 'settings'> & {
  settings: Partial<ConnectionSettings>;
  withheld: number;
};
type Spans = [startAt: number, endAt: number, unit: number | null][];

/** Of sessions, those after one; as many as there are when left out. */
export interface SessionsAsked {
  after: { startAt: string; id: string } | null;
  limit: number;
}

/** Null when there is no such resource, or it is archived. Instants are RFC 3339, half-open. */
export async function readAvailability(
  database: Database,
  ask: {
    tenantId: string;
    resourceId: string;
    from: string;
    to: string;
    sessions?: SessionsAsked;
  },
): Promise<AvailabilityRead | null> {
  const { after = null, limit = null } = ask.sessions ?? {};
  const { rows } = await database.pool.query<Row>({
    name: 'read-availability',
    text: READ_AVAILABILITY,
    values: [
      ask.tenantId,
      ask.resourceId,
      ask.from,
      ask.to,
      after?.startAt ?? null,
      after?.id ?? null,
      limit,
    ],
  });
  const own = rows.find((row) => row.own);
  if (!own) return null;
  const linked = rows.flatMap((row) => [...(row.own ? [] : [takenWith(row)]), ...above(row)]);
  const connections = connectionsIn(rows);
  return {
    facts: {
      ...factsOf(own),
      knownUntilAt: knownUntil(connections),
      ...(linked.length > 0 && { linked }),
    },
    sessions: own.sessions ?? (settingsOf(own).soldBy === 'session' ? [] : null),
    connections,
    withheld: connections.reduce((sum, one) => sum + one.withheld, 0),
  };
}

const settingsOf = (row: Row): ResourceSettings => ({
  ...DEFAULT_RESOURCE_SETTINGS,
  ...row.settings,
});

const factsOf = (row: Row): AvailabilityFacts => ({
  timeZone: row.timeZone,
  capacity: row.capacity,
  settings: settingsOf(row),
  taken: [...outside(row), ...takenBy('occupancy', row.occupied)],
  begins: row.begins ?? [],
  knownUntilAt: knownUntil(row.connections ?? []),
  nowAt: row.nowAt,
});

/** A resource that is sold no more has no unit for anybody. */
const takenWith = (row: Row): Linked => ({
  id: row.id,
  units: row.units ?? row.capacity,
  facts: { ...factsOf(row), ...(row.archived && { capacity: 0 }) },
});

/** Wholes above a resource are in its way by their outside time and blocks, with its own buffers. */
function above(row: Row): Linked[] {
  const { bufferBeforeMs, bufferAfterMs } = settingsOf(row);
  return (row.wholes ?? []).map((whole) => ({
    id: whole.id,
    units: 1,
    facts: {
      timeZone: row.timeZone,
      capacity: 1,
      settings: { ...DEFAULT_RESOURCE_SETTINGS, bufferBeforeMs, bufferAfterMs },
      taken: outside(whole),
      begins: [],
      knownUntilAt: knownUntil(whole.connections ?? []),
      nowAt: row.nowAt,
    },
  }));
}

const outside = ({ busy, blocks }: Outside): Taken[] => [
  ...takenBy('busy', busy),
  ...takenBy('block', blocks),
];

const takenBy = (by: Taken['by'], spans: Spans | null): Taken[] =>
  (spans ?? []).map(([startAt, endAt, unit]) => ({ startAt, endAt, unit, by }));

/** Each once, by id. */
function connectionsIn(rows: readonly Row[]): (ConnectionFreshness & { withheld: number })[] {
  const found = new Map<string, StoredConnection>();
  for (const row of rows)
    for (const place of [row, ...(row.wholes ?? [])])
      for (const one of place.connections ?? []) found.set(one.id, one);
  return [...found.values()]
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((one) => ({ ...one, settings: { ...DEFAULT_CONNECTION_SETTINGS, ...one.settings } }));
}

const knownUntil = (connections: readonly { knownUntil: number }[]): number | null =>
  connections.length === 0 ? null : Math.min(...connections.map((one) => one.knownUntil));
