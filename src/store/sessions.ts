import type { Database } from './database.ts';
import { Prisma } from './generated/client.ts';
import type { Session } from './generated/client.ts';
import type { ResourceRef } from './resources.ts';
import type { Tx } from './transactions.ts';
import { appendEntry, lockResource } from './transactions.ts';

/** Fixed times with a counter of places. Whatever moves one has its resource alone, except a hold. */
export interface NewSession {
  id: string;
  /** RFC 3339, half-open. */
  startAt: string;
  endAt: string;
  capacity: number;
  /** For each place, in place of the resource's. */
  price: { amountMinor: number; currency: string } | null;
}

export type SessionRef = ResourceRef & { sessionId: string };

export type Scheduled =
  | { kind: 'scheduled'; sessions: Session[] }
  | { kind: 'no-such-resource' }
  /** The resource sells by time or by night. */
  | { kind: 'not-sold' };

/** Makes several at once, as a recurring set is, each with an entry of its own. */
export async function createSessions(
  tx: Tx,
  ref: ResourceRef,
  list: readonly NewSession[],
): Promise<Scheduled> {
  const { tenantId, resourceId } = ref;
  await lockResource(tx, tenantId, resourceId);
  const resource = await tx.resource.findUnique({
    where: { tenantId_id: { tenantId, id: resourceId }, archivedAt: null },
  });
  if (!resource) return { kind: 'no-such-resource' };
  const { soldBy } = resource.settings as { soldBy?: string };
  if (soldBy !== 'session') return { kind: 'not-sold' };
  const sessions = await tx.session.createManyAndReturn({
    data: list.map((one) => ({
      ...one,
      tenantId,
      resourceId,
      seq: 1n,
      price: one.price ?? Prisma.DbNull,
    })),
  });
  for (const one of sessions) await enter(tx, one, 'session.created');
  return { kind: 'scheduled', sessions: sessions.toSorted(byStart) };
}

const byStart = (a: Session, b: Session): number =>
  a.startAt.getTime() - b.startAt.getTime() || (a.id < b.id ? -1 : 1);

export const findSession = (
  database: Database,
  { tenantId, resourceId, sessionId }: SessionRef,
): Promise<Session | null> =>
  database.prisma.session.findFirst({ where: { tenantId, resourceId, id: sessionId } });

/** Those that begin in a time, cancelled ones too, by start; `after` is the last one of the page before. */
export const listSessions = (
  database: Database,
  page: ResourceRef & {
    from: string;
    to: string;
    after: { startAt: string; id: string } | null;
    limit: number;
  },
): Promise<Session[]> =>
  database.prisma.session.findMany({
    where: {
      tenantId: page.tenantId,
      resourceId: page.resourceId,
      startAt: { gte: page.after?.startAt ?? page.from, lt: page.to },
      ...(page.after && {
        NOT: { startAt: page.after.startAt, id: { lte: page.after.id } },
      }),
    },
    orderBy: [{ startAt: 'asc' }, { id: 'asc' }],
    take: page.limit,
  });

export type SessionMoved =
  | { kind: 'moved'; session: Session }
  | { kind: 'missing' }
  | { kind: 'cancelled' }
  | { kind: 'too-small'; taken: number };

/** Never below what is taken; holds whose time is up count until they are ended. */
export async function changeCapacity(
  tx: Tx,
  ref: SessionRef,
  capacity: number,
): Promise<SessionMoved> {
  const now = await alone(tx, ref);
  if (!now) return { kind: 'missing' };
  if (now.cancelledAt) return { kind: 'cancelled' };
  // The counter moves under us: holds share the resource, but not with who has it alone.
  if (capacity < now.taken) return { kind: 'too-small', taken: now.taken };
  if (capacity === now.capacity) return { kind: 'moved', session: now };
  return move(tx, now, { data: { capacity }, type: 'session.capacity-changed' });
}

/** Sells no more of it; what is booked stays until somebody calls it off. */
export async function cancelSession(tx: Tx, ref: SessionRef): Promise<SessionMoved> {
  const now = await alone(tx, ref);
  if (!now) return { kind: 'missing' };
  if (now.cancelledAt) return { kind: 'moved', session: now };
  return move(tx, now, { data: { cancelledAt: new Date() }, type: 'session.cancelled' });
}

async function alone(tx: Tx, ref: SessionRef): Promise<Session | null> {
  const { tenantId, resourceId, sessionId } = ref;
  await lockResource(tx, tenantId, resourceId);
  return tx.session.findFirst({ where: { tenantId, resourceId, id: sessionId } });
}

async function move(
  tx: Tx,
  now: Session,
  { data, type }: { data: { capacity: number } | { cancelledAt: Date }; type: string },
): Promise<SessionMoved> {
  const session = await tx.session.update({
    where: { tenantId_id: { tenantId: now.tenantId, id: now.id } },
    data: { ...data, seq: { increment: 1 } },
  });
  await enter(tx, session, type);
  return { kind: 'moved', session };
}

const enter = (tx: Tx, one: Session, type: string): Promise<void> =>
  appendEntry(tx, {
    tenantId: one.tenantId,
    subject: `session/${one.id}`,
    seq: one.seq,
    type,
    data: {
      resourceId: one.resourceId,
      startAt: one.startAt.toISOString(),
      endAt: one.endAt.toISOString(),
      capacity: one.capacity,
      price: one.price,
    },
  });
