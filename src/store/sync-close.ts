import { judgeConflicts } from './conflicts.ts';
import type { Queryable } from './database.ts';
import { entriesOf, pageBefore, recordPass, unusualLoss } from './passes.ts';
import type { AppliedPage, PageToApply, PassCounts } from './sync.ts';

/** How a page ends, inside the caller's transaction: what is stale goes, and the position moves. */

/** Ends a pass: what was stale goes, and what absence said is kept or settled. */
export async function dropStale(client: Queryable, page: PageToApply): Promise<void> {
  const { tenantId, connectionId, verdict } = page;
  await client.query(`DELETE FROM busy WHERE tenant_id = $1 AND connection_id = $2 AND stale`, [
    tenantId,
    connectionId,
  ]);
  if (!page.fullPass) return;
  await client.query(`DELETE FROM pass_seen WHERE tenant_id = $1 AND connection_id = $2`, [
    tenantId,
    connectionId,
  ]);
  await client.query(
    `UPDATE channel_event SET missing_since =
       CASE WHEN native_id = ANY ($3) THEN coalesce(missing_since, clock_timestamp()) END
      WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
        AND (native_id = ANY ($3) OR missing_since IS NOT NULL)`,
    [tenantId, connectionId, verdict?.heldBack ?? []],
  );
}

/** One entry per change, and the position last. */
export async function closePass(client: Queryable, page: PageToApply): Promise<AppliedPage> {
  const { tenantId, connectionId, pass, plan, more, verdict } = page;
  const counts = countsOf(page);
  const before = pageBefore(pass, page.isRestore);
  const anomaly = more ? null : await unusualLoss(client, page, counts);
  // Before it goes with the pass's end, what is stale tells what was lost.
  if (!more) {
    await dropStale(client, page);
    await judgeConflicts(client, page);
  }
  const entries = entriesOf(page, { counts, anomaly });
  const applied: AppliedPage = {
    fromVersion: pass.cursorVersion,
    cursorVersion: pass.cursorVersion + 1,
    more,
    guarded: verdict?.guarded ?? false,
    added: plan.writes.filter((one) => one.kind === 'added').length,
    changed: plan.writes.filter((one) => one.kind === 'changed').length,
    removed: removedBy(page),
    withheld: plan.writes.filter((one) => one.withheldReason !== null).length,
    passChanges: (before?.passChanges ?? 0) + plan.writes.length + removedBy(page),
    passExpandedWith:
      before === null || before.passExpandedWith === page.expandedWith ? page.expandedWith : null,
    pass: counts,
  };
  const { rows } = await client.query<{ firstSeq: string }>(CLOSE_PASS, [
    tenantId,
    connectionId,
    page.cursor,
    page.checkpoint,
    more,
    page.fullPass,
    JSON.stringify(applied),
    confirmedAt(page),
    page.expanded && new Date(page.expanded.untilAt),
    entries.length,
    page.timeZone,
    page.expanded?.with ?? null,
    page.coversUntilAt === null ? null : new Date(page.coversUntilAt),
  ]);
  const where = { resourceId: pass.resourceId, position: applied.cursorVersion };
  if (entries.length > 0)
    await client.query(APPEND, [
      tenantId,
      connectionId,
      rows[0]?.firstSeq ?? '0',
      entries.map((one) => one.type).join('\n'),
      // JSON has no line feed of its own.
      entries.map(({ data }) => JSON.stringify({ ...where, ...data })).join('\n'),
    ]);
  if (!more) await recordPass(client, page, { applied, anomaly });
  return applied;
}

/** What is held back keeps the copy from being confirmed, also in passes that list only changes. */
function confirmedAt({ pass, more, verdict, isRestore, ageMs }: PageToApply): Date | null {
  const heldBack = verdict ? verdict.heldBack.length > 0 : pass.missingSinceAt !== null;
  return more || heldBack || isRestore ? null : new Date(pass.passStartedAt - ageMs);
}

/** A renamed entry is neither added nor removed, also where an earlier page brought its new name. */
function countsOf(page: PageToApply): PassCounts {
  const { pass, plan, renames, spans, isRestore } = page;
  const before = pageBefore(pass, isRestore)?.pass ?? {
    ...NOTHING,
    from: pass.cursorVersion,
  };
  const count = (kind: string) => plan.writes.filter((one) => one.kind === kind).length;
  return {
    from: before.from,
    added: before.added + count('added') - renames.length,
    changed: before.changed + count('changed'),
    removed: before.removed + removedBy(page) - renames.length,
    renamed: before.renamed + renames.length,
    spans: before.spans + spans,
  };
}

/** What a listing does not reach back to is only forgotten. */
function removedBy({ plan, verdict }: PageToApply): number {
  const over = new Set(verdict?.over);
  return plan.removals.filter((nativeId) => !over.has(nativeId)).length;
}

const NOTHING = { added: 0, changed: 0, removed: 0, renamed: 0, spans: 0 };

const CLOSE_PASS = `
  UPDATE connection SET
    cursor = CASE WHEN $5 THEN cursor ELSE $3 END, checkpoint = $4,
    cursor_version = cursor_version + 1,
    full_pass = $6 AND $5, last_page = $7::jsonb,
    confirmed_at = coalesce($8, confirmed_at),
    expanded_until = CASE WHEN $5 THEN expanded_until ELSE coalesce($9, expanded_until) END,
    expanded_with = CASE WHEN $5 THEN expanded_with ELSE coalesce($12, expanded_with) END,
    notified_at = CASE WHEN $5 OR dirty THEN notified_at END,
    time_zone = CASE WHEN $5 THEN time_zone ELSE coalesce($11, time_zone) END,
    covers_until = CASE WHEN $5 THEN covers_until ELSE coalesce($13, covers_until) END,
    known_from = CASE WHEN $5 THEN known_from ELSE coalesce(known_from, clock_timestamp()) END,
    listed_at = CASE WHEN $6 AND NOT $5 AND listing_for IS NOT NULL THEN pass_started_at
      ELSE listed_at END,
    seq = seq + $10
  WHERE tenant_id = $1 AND id = $2 RETURNING seq - $10 AS "firstSeq"`;

const APPEND = `
  INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
  SELECT $1, (SELECT max(epoch) FROM journal_epoch), 'connection/' || $2, $3::bigint + n, type,
    data::jsonb
  FROM ROWS FROM (string_to_table($4, chr(10)), string_to_table($5, chr(10)))
    WITH ORDINALITY AS e(type, data, n)`;
