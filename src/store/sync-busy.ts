import { ANY_UNIT } from '../domain/units.ts';
import type { Interval } from '../domain/interval.ts';
import type { Queryable } from './database.ts';
import type { SeriesToApply } from './sync.ts';

/** The busy time of a page, inside the caller's transaction. */

/**
 * Writes the spans of each touched series by difference. What is no longer there turns stale and
 * goes with the pass's last page, so that availability is never freer in between. Answers how many
 * spans ahead differed, of those that had been expanded before and whose series did not change.
 */
export async function applySpans(
  client: Queryable,
  page: SeriesToApply,
  changedRoots: readonly string[],
): Promise<number> {
  const { tenantId, connectionId, pass, plan } = page;
  if (plan.series.length === 0) return 0;
  const { rows } = await client.query<{ rootId: string }>(
    `SELECT DISTINCT root_id AS "rootId" FROM busy
      WHERE tenant_id = $1 AND connection_id = $2 AND root_id = ANY ($3::text[])`,
    [tenantId, connectionId, plan.series.map((one) => one.rootId)],
  );
  const kept = new Set(rows.map((one) => one.rootId));
  const changed = new Set(changedRoots);
  const brought = await bringSpans(
    client,
    page,
    plan.series.filter((one) => !kept.has(one.rootId)),
  );
  const isAhead = ({ rootId, endAt }: Span): boolean =>
    endAt > pass.passStartedAt && endAt < (pass.expandedUntilAt ?? 0) && !changed.has(rootId);
  const moved = await moveSpans(
    client,
    page,
    plan.series.filter((one) => kept.has(one.rootId)),
  );
  return [...brought, ...moved].filter(isAhead).length;
}

type Series = SeriesToApply['plan']['series'];
interface Span {
  rootId: string;
  endAt: number;
}

/** Of series that have no span yet, which is most of what a calendar read for the first time says. */
async function bringSpans(client: Queryable, page: SeriesToApply, series: Series): Promise<Span[]> {
  const { tenantId, connectionId, pass } = page;
  const spans = spansOf(series);
  if (spans.length > 0)
    await client.query(
      `INSERT INTO busy (tenant_id, connection_id, resource_id, unit, root_id, start_at, end_at)
       SELECT $1, $2, $6, ${PLACE}, root, start_at, end_at FROM ${SPANS}`,
      [tenantId, connectionId, ...columnsOf(series), pass.resourceId],
    );
  return spans;
}

/** Answers the spans that are new and those that are stale now. */
async function moveSpans(client: Queryable, page: SeriesToApply, series: Series): Promise<Span[]> {
  const { tenantId, connectionId, pass } = page;
  if (series.length === 0) return [];
  const columns = columnsOf(series);
  const made = await client.query<Returned>(
    `INSERT INTO busy (tenant_id, connection_id, resource_id, unit, root_id, start_at, end_at)
     SELECT $1, $2, $6, ${PLACE}, root, start_at, end_at FROM ${SPANS}
     ON CONFLICT (tenant_id, connection_id, root_id, start_at, end_at)
       DO UPDATE SET stale = false WHERE busy.stale
     RETURNING root_id AS "rootId", end_at AS "endAt"`,
    [tenantId, connectionId, ...columns, pass.resourceId],
  );
  const ended = await client.query<Returned>(
    `UPDATE busy SET stale = true
      WHERE tenant_id = $1 AND connection_id = $2 AND root_id = ANY ($6::text[]) AND NOT stale
        -- As a list: joined, each span would be compared with each.
        AND (root_id, start_at, end_at) NOT IN (
          SELECT root, start_at, end_at FROM ${SPANS})
     RETURNING root_id AS "rootId", end_at AS "endAt"`,
    [tenantId, connectionId, ...columns, series.map((one) => one.rootId)],
  );
  return [...made.rows, ...ended.rows].map((one) => ({ ...one, endAt: one.endAt.getTime() }));
}

interface Returned {
  rootId: string;
  endAt: Date;
}

/** What a span of the connection takes, as its row says at this very moment. */
const PLACE = `(SELECT coalesce(c.unit, CASE c.settings->>'takes' WHEN 'unit' THEN ${ANY_UNIT} END)
  FROM connection c WHERE c.tenant_id = $1 AND c.id = $2)`;

const spansOf = (series: Series): (Span & Interval)[] =>
  series.flatMap(({ rootId, spans }) => spans.map((span) => ({ rootId, ...span })));

// Instants as milliseconds, which both sides read several times faster than text.
const SPANS = `(
  SELECT root, to_timestamp(start_ms / 1000) AS start_at, to_timestamp(end_ms / 1000) AS end_at
    FROM unnest($3::text[], $4::float8[], $5::float8[]) AS s(root, start_ms, end_ms)) AS span`;

/** Series, start and end of every span: `$3` to `$5` of `SPANS`. */
function columnsOf(series: Series): [string[], string, string] {
  const spans = spansOf(series);
  const listOf = (values: readonly number[]) => `{${values.join(',')}}`;
  return [
    spans.map((one) => one.rootId),
    listOf(spans.map((one) => one.startAt)),
    listOf(spans.map((one) => one.endAt)),
  ];
}
