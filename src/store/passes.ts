import { isUnusualLoss } from '../domain/deletion-guard.ts';
import { isRepair, type RepairReason } from '../domain/repair.ts';
import type { Queryable } from './database.ts';
import type { AppliedPage, OpenPass, PageToApply, PassCounts } from './sync.ts';

/** What a pass says of itself when it ends: entries of the journal, and a row to find it by. */

/** Occurrences ahead that a channel took back by its own word, and of how many. */
export interface Loss {
  lost: number;
  of: number;
}

/** The page before this one in the same pass. A restore that was cut short has no next page. */
export function pageBefore(pass: OpenPass, isRestore = false): AppliedPage | null {
  return pass.lastPage?.more && (isRestore || pass.checkpoint !== null) ? pass.lastPage : null;
}

/** The position that the open pass began at: what it wrote so far has a later one. */
export const beganAt = (pass: OpenPass): number =>
  pageBefore(pass)?.pass.from ?? pass.cursorVersion;

interface Entry {
  type: string;
  data: Record<string, unknown>;
}

/** One per change; a rename is one change. Ids only: what an entry says is nobody else's business. */
export function entriesOf(
  page: PageToApply,
  { counts, anomaly }: { counts: PassCounts; anomaly: Loss | null },
): Entry[] {
  const { plan, renames, more, verdict } = page;
  const over = new Set(verdict?.over);
  const newIds = new Set(renames.map((one) => one.toId));
  const oldIds = new Set(renames.map((one) => one.fromId));
  const { from: _, ...changes } = counts;
  const reason = repairOf(page);
  return [
    ...plan.writes
      .filter((one) => !newIds.has(one.nativeId))
      .map(({ kind, nativeId }) => ({ type: `event.${kind}`, data: { nativeId } })),
    ...plan.removals
      .filter((nativeId) => !oldIds.has(nativeId) && !over.has(nativeId))
      .map((nativeId) => ({ type: 'event.removed', data: { nativeId } })),
    ...renames.map(({ fromId, toId }) => ({
      type: 'event.renamed',
      data: { nativeId: toId, formerId: fromId },
    })),
    ...(anomaly ? [{ type: 'connection.anomaly', data: { ...anomaly } }] : []),
    ...(!more && reason && isAny(changes)
      ? [{ type: 'connection.repaired', data: { reason, ...changes } }]
      : []),
    ...(!more && page.isRestore ? [{ type: 'connection.restored', data: changes }] : []),
  ];
}

const isAny = (changes: Omit<PassCounts, 'from'>): boolean =>
  Object.values(changes).some((count) => count > 0);

/** Why the listing that this page is of was compared with our copy; null for any other pass. */
function repairOf({ pass, fullPass, isRestore }: PageToApply): RepairReason | null {
  const { listingFor } = pass.repair;
  return fullPass && isRepair(listingFor) && !isRestore ? listingFor : null;
}

/** Passes that changed nothing and found nothing odd leave no row: most of them do not. */
export async function recordPass(
  client: Queryable,
  page: PageToApply,
  { applied, anomaly }: { applied: AppliedPage; anomaly: Loss | null },
): Promise<void> {
  const { from, spans, ...changes } = applied.pass;
  const repair = repairOf(page);
  const isOdd = anomaly !== null || applied.guarded || (repair !== null && spans > 0);
  if (!isOdd && !page.isRestore && !isAny({ ...changes, spans: 0 })) return;
  const listing = page.fullPass ? 'listing' : 'changes';
  await client.query(RECORD_PASS, [
    page.tenantId,
    page.connectionId,
    applied.cursorVersion,
    from,
    page.isRestore ? 'restore' : repair ? 'repair' : listing,
    new Date(page.pass.passStartedAt),
    changes.added,
    changes.changed,
    changes.removed,
    changes.renamed,
    spans,
    page.verdict?.heldBack.length ?? 0,
    anomaly && JSON.stringify(anomaly),
  ]);
}

const RECORD_PASS = `
  INSERT INTO pass (tenant_id, connection_id, position, from_position, kind, started_at, added,
    changed, removed, renamed, spans, held_back, anomaly)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb)`;

/**
 * A channel's own word that entries are gone is believed at once; when it is more than the deletion
 * guard would believe of silence, it is worth a look. Asked before stale spans go.
 */
export async function unusualLoss(
  client: Queryable,
  { tenantId, connectionId, verdict, isRestore }: PageToApply,
  counts: PassCounts,
): Promise<Loss | null> {
  if (isRestore || counts.removed === 0) return null;
  const { rows } = await client.query<Loss>(TAKEN_BACK, [
    tenantId,
    connectionId,
    counts.from,
    verdict?.gone ?? [],
  ]);
  const loss = rows[0];
  return loss && isUnusualLoss(loss.lost, loss.of) ? loss : null;
}

// Of a series that went whole, all its time; of occurrences that are entries of their own, as much as
// entries went. What another entry takes now was only renamed. Series that this pass brought are not
// part of what there was. Gathered by series: joined, each would be compared with each.
const TAKEN_BACK = `
  WITH entry AS (
    SELECT native_id, root_id, feed_position > $3 AS is_new, false AS is_over FROM channel_event
     WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
    UNION ALL
    SELECT native_id, root_id, false, true FROM channel_event
     WHERE tenant_id = $1 AND connection_id = $2 AND ended_position > $3
  ), fact AS (
    SELECT max(root_id) AS root_id, native_id AS gone, NULL::boolean AS is_new, false AS is_ahead,
      false AS is_stale, false AS is_lost
      FROM entry WHERE native_id <> ALL ($4::text[]) GROUP BY native_id HAVING bool_and(is_over)
    UNION ALL
    SELECT root_id, NULL, is_new, false, false, false FROM entry
    UNION ALL
    SELECT root_id, NULL, NULL, true, stale, bool_and(stale) OVER (PARTITION BY start_at, end_at)
      FROM busy WHERE tenant_id = $1 AND connection_id = $2 AND end_at > clock_timestamp()
  ), root AS (
    SELECT count(gone) AS members, bool_or(gone = root_id) AS is_whole, bool_and(is_new) AS is_new,
      count(*) FILTER (WHERE is_ahead) AS ahead, count(*) FILTER (WHERE is_stale) AS stale,
      count(*) FILTER (WHERE is_lost) AS lost
      FROM fact GROUP BY root_id
  )
  SELECT coalesce(sum(CASE WHEN is_whole THEN lost ELSE least(lost, members) END), 0)::integer AS lost,
    coalesce(sum(CASE WHEN is_new THEN stale ELSE ahead END), 0)::integer AS of FROM root`;
