import type pg from 'pg';
import type { GuardVerdict } from '../domain/deletion-guard.ts';
import type { ConnectionSettings } from '../domain/connection.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { Rename } from '../domain/renames.ts';
import type { PagePlan } from '../domain/sync-plan.ts';
import type { Queryable } from './database.ts';
import { transaction } from './database.ts';
import { judgeEchoes } from './echoes.ts';
import type { RepairState } from './repairs.ts';
import { applySpans } from './sync-busy.ts';
import { closePass } from './sync-close.ts';
import { enterPass } from './sync-enter.ts';
import { flagOverlaps, renameConflicts } from './sync-spans.ts';

/** A connection's side of the store: where its pass stands, and one page applied in one transaction. */
export interface ConnectionKey {
  tenantId: string;
  connectionId: string;
}

export interface OpenPass {
  resourceId: string;
  unit: number | null;
  accountId: string;
  channel: string;
  calendarId: string;
  /** Whether it is somebody else's; null where the channel does not tell. */
  calendarShared: boolean | null;
  timeZone: string;
  /** Whole days of its entries are days there. */
  resourceZone: string;
  /** Where the resource is sold by the night: when guests come and go. */
  resourceNights: { checkIn: string; checkOut: string } | null;
  settings: ConnectionSettings;
  status: string;
  cursor: Buffer | null;
  checkpoint: Buffer | null;
  cursorVersion: number;
  generation: number;
  fullPass: boolean;
  passStartedAt: number;
  expandedUntilAt: number | null;
  /** What the spans were made with, as the page that made them said; null where they are to be made anew. */
  expandedWith: string | null;
  watchedUntilAt: number | null;
  /** The interval between polls by the calendar's own pace, and the one in force. */
  pollIntervalMs: number | null;
  pollInForceMs: number | null;
  /** Whether the channel said that the watch needs care. */
  watchWanted: boolean;
  /** Where the channel lists a fixed stretch of time: its end. */
  coversUntilAt: number | null;
  /** Oldest entry the channel stopped listing and we still keep. */
  missingSinceAt: number | null;
  repair: RepairState;
  lastPage: AppliedPage | null;
}

export interface AppliedPage {
  /** Version this page was read from, and the one it made. */
  fromVersion: number;
  cursorVersion: number;
  more: boolean;
  guarded: boolean;
  added: number;
  changed: number;
  removed: number;
  withheld: number;
  /** What this page and those before it in its pass changed. */
  passChanges: number;
  /** What they were all expanded with; null where settings moved in between. */
  passExpandedWith: string | null;
  pass: PassCounts;
}

/** What a pass changed so far; `from` is the position that it began at. */
export interface PassCounts {
  from: number;
  added: number;
  changed: number;
  removed: number;
  renamed: number;
  /** Busy spans that were made anew although no entry changed. */
  spans: number;
}

/**
 * Loads a connection for its next page. The first page of a pass clears the gate: a notification
 * from here on, in the middle of the pass too, causes one more. When the page read from
 * `fromVersion` is applied already, there is nothing to read and the gate stays as it is; so it does
 * for who only looks, and gives no version. Null when the connection is gone.
 */
export async function openPass(
  pool: pg.Pool,
  key: ConnectionKey & { fromVersion: number | null },
): Promise<OpenPass | null> {
  const ids = [key.tenantId, key.connectionId];
  const found = await pool.query<OpenPassRow & { begins: boolean }>(READ_PASS, [
    ...ids,
    key.fromVersion,
  ]);
  // Most pages only go on with a pass: then nothing is to be written, and no disk to be waited for.
  const { rows } = found.rows[0]?.begins
    ? await pool.query<OpenPassRow>(OPEN_PASS, [...ids, key.fromVersion])
    : found;
  const row = rows[0];
  if (!row) return null;
  return {
    ...row,
    settings: { ...DEFAULT_CONNECTION_SETTINGS, ...row.settings },
    cursorVersion: Number(row.cursorVersion),
    passStartedAt: row.passStartedAt.getTime(),
    expandedUntilAt: row.expandedUntilAt?.getTime() ?? null,
    watchedUntilAt: row.watchedUntilAt?.getTime() ?? null,
    missingSinceAt: row.missingSinceAt?.getTime() ?? null,
    coversUntilAt: row.coversUntilAt?.getTime() ?? null,
  };
}

type Instants =
  'passStartedAt' | 'expandedUntilAt' | 'watchedUntilAt' | 'missingSinceAt' | 'coversUntilAt';
type OpenPassRow = Omit<OpenPass, Instants | 'cursorVersion'> & {
  cursorVersion: string;
  passStartedAt: Date;
  expandedUntilAt: Date | null;
  watchedUntilAt: Date | null;
  missingSinceAt: Date | null;
  coversUntilAt: Date | null;
};

const PASS_COLUMNS = `resource_id AS "resourceId", unit, account_id AS "accountId", channel,
    calendar_id AS "calendarId", calendar_shared AS "calendarShared", time_zone AS "timeZone", settings, status, cursor, checkpoint,
    (SELECT r.time_zone FROM resource r WHERE r.tenant_id = c.tenant_id AND r.id = c.resource_id)
      AS "resourceZone",
    (SELECT r.settings->'nights' FROM resource r WHERE r.tenant_id = c.tenant_id
       AND r.id = c.resource_id AND r.settings->>'soldBy' = 'night') AS "resourceNights",
    cursor_version AS "cursorVersion", generation, full_pass AS "fullPass",
    pass_started_at AS "passStartedAt", expanded_until AS "expandedUntilAt",
    expanded_with AS "expandedWith",
    watched_until AS "watchedUntilAt", last_page AS "lastPage",
    poll_interval_ms AS "pollIntervalMs", poll_in_force_ms AS "pollInForceMs",
    watch_wanted_at IS NOT NULL AS "watchWanted", covers_until AS "coversUntilAt",
    json_build_object('listedAt', date_part('epoch', listed_at) * 1000, 'listingFor', listing_for,
      'wanted', listing_wanted, 'wantedAt', date_part('epoch', listing_wanted_at) * 1000,
      'triedAt', date_part('epoch', listing_tried_at) * 1000,
      'comparedAt', date_part('epoch', compared_at) * 1000, 'differs', compared_differs) AS repair,
    (SELECT min(missing_since) FROM channel_event e WHERE e.tenant_id = c.tenant_id
       AND e.connection_id = c.id AND upper_inf(e.recorded)
       AND e.missing_since IS NOT NULL) AS "missingSinceAt"`;

const BEGINS = `(c.checkpoint IS NULL AND $3::bigint IS NOT NULL
  AND (c.last_page->'fromVersion')::bigint IS DISTINCT FROM $3)`;

const READ_PASS = `
  SELECT ${PASS_COLUMNS}, ${BEGINS} AS begins FROM connection c
  WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL`;

const OPEN_PASS = `
  UPDATE connection c SET
    dirty = dirty AND NOT ${BEGINS},
    pass_started_at = CASE WHEN ${BEGINS} THEN clock_timestamp() ELSE pass_started_at END
  WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL
  RETURNING ${PASS_COLUMNS}`;

export interface PageToApply extends ConnectionKey {
  pass: OpenPass;
  plan: PagePlan;
  /** Whether this pass lists everything, so that absence counts at its end. */
  fullPass: boolean;
  more: boolean;
  /** Sealed. The cursor moves at the end of a pass, the checkpoint with every page. */
  cursor: Buffer | null;
  checkpoint: Buffer | null;
  ageMs: number;
  /** The calendar's own zone, where the channel told; kept when the pass ends. */
  timeZone: string | null;
  /** The end of the stretch that the channel listed; kept when the pass ends. */
  coversUntilAt: number | null;
  /** What the page's series are expanded with. */
  expandedWith: string | null;
  /** Set where every series is now expanded to here, with this. */
  expanded: { untilAt: number; with: string } | null;
  verdict: GuardVerdict | null;
  /** Pairs of what is gone with what came in its place, in this page or an earlier one of its pass. */
  renames: readonly Rename[];
  /** Spans that `applySeries` had to make anew within what had been expanded before. */
  spans: number;
  /** The past is made current; what the channel says now is not known by it. */
  isRestore: boolean;
}

/** Events, busy spans, overlaps, entries, and the cursor last; or what another run stored before. */
export async function applyPage(pool: pg.Pool, page: PageToApply): Promise<AppliedPage> {
  return transaction(pool, async (client) => {
    const gate = await enterPass(client, page);
    if (gate.kind === 'applied') return gate.page;
    await writeEvents(client, page, gate.now);
    const changed = changedRoots(page.plan);
    const spans = await applySpans(client, page, changed);
    await judgeEchoes(client, page, changed);
    await renameConflicts(client, page);
    if (gate.isTaken) await flagOverlaps(client, flaggingOf(page));
    if (page.fullPass && page.more) await rememberSeen(client, page);
    return closePass(client, { ...page, spans: page.spans + spans });
  });
}

/**
 * Makes a part of the spans of a pass's last page before it, so that no transaction grows with the
 * calendar. What turns stale by it goes with that page. Answers how many spans ahead differed, of
 * those that had been expanded before.
 */
export async function applySeries(pool: pg.Pool, page: SeriesToApply): Promise<number> {
  return transaction(pool, async (client) => {
    const gate = await enterPass(client, page);
    if (gate.kind === 'applied') return 0;
    const made = await applySpans(client, page, []);
    if (gate.isTaken) await flagOverlaps(client, flaggingOf(page));
    return made;
  });
}

const flaggingOf = ({ tenantId, connectionId, pass, plan }: SeriesToApply) => ({
  tenantId,
  connectionId,
  place: pass,
  rootIds: plan.series.map((one) => one.rootId),
});

/** Series that the channel changed; one that only is expanded further says nothing new. */
const changedRoots = ({ writes, removals }: PagePlan): string[] => [
  ...new Set([...writes.map((one) => one.rootId), ...removals]),
];

export interface SeriesToApply extends ConnectionKey {
  pass: OpenPass;
  plan: Pick<PagePlan, 'series'>;
}

async function writeEvents(client: Queryable, page: PageToApply, now: string): Promise<void> {
  const { tenantId, connectionId, plan, pass } = page;
  const replaced = [
    ...plan.removals,
    ...plan.writes.filter((one) => one.kind === 'changed').map((one) => one.nativeId),
  ];
  if (replaced.length > 0)
    await client.query(
      // A clock that was set back must not keep a page from being applied.
      `UPDATE channel_event
          SET recorded = tstzrange(lower(recorded), greatest(lower(recorded), $4::timestamptz)),
              ended_position = $5
        WHERE tenant_id = $1 AND connection_id = $2 AND native_id = ANY ($3) AND upper_inf(recorded)`,
      [tenantId, connectionId, replaced, now, pass.cursorVersion + 1],
    );
  if (plan.writes.length === 0) return;
  await client.query(
    `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash,
       withheld_reason, recorded, feed_position, notified_at)
     SELECT $1, $2, w.native_id, w.root_id, w.event::jsonb, decode(w.hash, 'hex'), w.withheld_reason,
       tstzrange($9::timestamptz, NULL), $8, c.notified_at
     FROM connection c, ROWS FROM (unnest($3::text[]), unnest($4::text[]), string_to_table($5, chr(10)),
         string_to_table($6, chr(10)), unnest($7::text[]))
       AS w(native_id, root_id, event, hash, withheld_reason) WHERE c.tenant_id = $1 AND c.id = $2`,
    [
      tenantId,
      connectionId,
      plan.writes.map((one) => one.nativeId),
      plan.writes.map((one) => one.rootId),
      // JSON has no line feed of its own, and needs no quoting between them.
      plan.writes.map((one) => JSON.stringify(one.event)).join('\n'),
      plan.writes.map((one) => one.hash).join('\n'),
      plan.writes.map((one) => one.withheldReason),
      pass.cursorVersion + 1,
      now,
    ],
  );
}

/** What the pass wrote shows by its position that it was listed. */
async function rememberSeen(client: Queryable, page: PageToApply): Promise<void> {
  const written = new Set(page.plan.writes.map((one) => one.nativeId));
  const unwritten = page.plan.seen.filter((nativeId) => !written.has(nativeId));
  if (unwritten.length === 0) return;
  await client.query(
    `INSERT INTO pass_seen (tenant_id, connection_id, generation, native_id)
     SELECT $1, $2, $3, unnest($4::text[]) ON CONFLICT DO NOTHING`,
    [page.tenantId, page.connectionId, page.pass.generation, unwritten],
  );
}
