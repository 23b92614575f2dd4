import type { Database } from './database.ts';
import type { ResourceLink } from './generated/client.ts';
import type { ResourceRef } from './resources.ts';
import type { Tx } from './transactions.ts';

export const LINK_KINDS = ['part', 'need'] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

export interface NewLink {
  linkedId: string;
  kind: LinkKind;
  /** So many units of the other for each booking; null for all of them. */
  units: number | null;
}

export type Linking =
  | { kind: 'linked'; link: ResourceLink }
  | { kind: 'too-many-units'; capacity: number }
  | {
      kind:
        | 'exists'
        | 'no-such-resource'
        | 'cycle'
        | 'sessions'
        | 'too-many-links'
        | 'in-use'
        | 'again';
    };

/**
 * Links two resources, alone with everything that is linked to either. What was booked of a whole
 * before takes its new part too, or the link is refused as `in-use`; a `need` counts from here on.
 * `again`: other links of these were made while the locks were waited for.
 */
export async function createLink(tx: Tx, ref: ResourceRef, input: NewLink): Promise<Linking> {
  const { tenantId, resourceId } = ref;
  const { linkedId, kind, units } = input;
  const [row] = await tx.$queryRaw<{ done: Linking }[]>`
    SELECT link_resources(${tenantId}, ${resourceId}, ${linkedId}, ${kind}, ${units}::integer) AS done`;
  const { done } = row!;
  if (done.kind !== 'linked') return done;
  const link = await tx.resourceLink.findUniqueOrThrow({
    where: { tenantId_resourceId_linkedId: { tenantId, resourceId, linkedId } },
  });
  return { kind: 'linked', link };
}

/** False when there is no such link. What was booked keeps what it took. */
export async function removeLink(tx: Tx, ref: ResourceRef, linkedId: string): Promise<boolean> {
  const { tenantId, resourceId } = ref;
  const [row] = await tx.$queryRaw<{ done: boolean }[]>`
    SELECT unlink_resources(${tenantId}, ${resourceId}, ${linkedId}) AS done`;
  return row!.done;
}

/** Links from a resource and links to it. */
export const listLinks = (
  database: Database,
  { tenantId, resourceId }: ResourceRef,
): Promise<ResourceLink[]> =>
  database.prisma.resourceLink.findMany({
    where: { tenantId, OR: [{ resourceId }, { linkedId: resourceId }] },
    orderBy: [{ resourceId: 'asc' }, { linkedId: 'asc' }],
  });
