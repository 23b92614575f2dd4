import type { Queryable } from './database.ts';
import type { AppliedPage, SeriesToApply } from './sync.ts';

/** How a page begins, inside the caller's transaction. */

/**
 * `now` is where old versions end and new ones begin, to the microsecond; `isTaken` whether anything
 * of ours may lie within the page's time.
 */
type Gate =
  { kind: 'open'; now: string; isTaken: boolean } | { kind: 'applied'; page: AppliedPage };

/** All locks, then a look whether the pass still stands where its page was read. */
export async function enterPass(client: Queryable, page: SeriesToApply): Promise<Gate> {
  const { tenantId, connectionId, pass, plan } = page;
  await client.query(`SELECT lock_resource($1, $2, true), lock_connection($1, $3)`, [
    tenantId,
    pass.resourceId,
    connectionId,
  ]);
  const { rows } = await client.query<{
    version: string;
    lastPage: AppliedPage | null;
    now: string;
    isTaken: boolean;
  }>(
    `SELECT cursor_version AS version, last_page AS "lastPage", clock_timestamp()::text AS now,
       EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = $1 AND o.resource_id = $3 AND o.live
         AND o.unit > 0 AND o.span && $4::tstzrange)
       OR EXISTS (SELECT FROM session s WHERE s.tenant_id = $1 AND s.resource_id = $3 AND s.taken > 0
         AND s.start_at < upper($4::tstzrange) AND s.end_at > lower($4::tstzrange))
       OR EXISTS (SELECT FROM resource r WHERE r.tenant_id = $1 AND r.id = $3 AND r.linked) AS "isTaken"
       FROM connection WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL`,
    [tenantId, connectionId, pass.resourceId, extentOf(plan)],
  );
  const row = rows[0];
  if (!row) throw new Error('The connection was removed while its page was read.');
  if (Number(row.version) === pass.cursorVersion)
    return { kind: 'open', now: row.now, isTaken: row.isTaken };
  if (row.lastPage?.fromVersion === pass.cursorVersion)
    return { kind: 'applied', page: row.lastPage };
  throw new Error('Another pass moved this connection: the page is read again.');
}

/** From the first span of a page to its last. */
function extentOf({ series }: SeriesToApply['plan']): string {
  let [startAt, endAt] = [Infinity, -Infinity];
  for (const { spans } of series)
    for (const span of spans) {
      startAt = Math.min(startAt, span.startAt);
      endAt = Math.max(endAt, span.endAt);
    }
  if (startAt > endAt) return 'empty';
  return `[${new Date(startAt).toISOString()},${new Date(endAt).toISOString()})`;
}
