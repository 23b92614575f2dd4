import type pg from 'pg';
import type { GuardVerdict } from '../domain/deletion-guard.ts';
import type { ConnectionSettings } from '../domain/connection.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { KnownEvent, PagePlan } from '../domain/sync-plan.ts';
import type { Queryable } from './database.ts';
import { transaction } from './database.ts';
import { applySpans, closePass, dropStale, flagOverlaps } from './sync-spans.ts';

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
  timeZone: string;
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
  /** Oldest entry the channel stopped listing and we still keep. */
  missingSinceAt: number | null;
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
}

/**
 * Loads a connection for its next page. The first page of a pass clears the gate: a notification
 * from here on, in the middle of the pass too, causes one more. When the page read from
 * `fromVersion` is applied already, there is nothing to read and the gate stays as it is. Null when
 * the connection is gone.
 */
export async function openPass(
  pool: pg.Pool,
  key: ConnectionKey & { fromVersion: number },
): Promise<OpenPass | null> {
  const { rows } = await pool.query<OpenPassRow>(OPEN_PASS, [
    key.tenantId,
    key.connectionId,
    key.fromVersion,
  ]);
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
  };
}

type Instants = 'passStartedAt' | 'expandedUntilAt' | 'watchedUntilAt' | 'missingSinceAt';
type OpenPassRow = Omit<OpenPass, Instants | 'cursorVersion'> & {
  cursorVersion: string;
  passStartedAt: Date;
  expandedUntilAt: Date | null;
  watchedUntilAt: Date | null;
  missingSinceAt: Date | null;
};

const OPEN_PASS = `
  UPDATE connection c SET
    dirty = dirty AND (checkpoint IS NOT NULL
      OR (last_page->'fromVersion')::bigint IS NOT DISTINCT FROM $3),
    pass_started_at = CASE WHEN checkpoint IS NULL
      AND (last_page->'fromVersion')::bigint IS DISTINCT FROM $3
      THEN clock_timestamp() ELSE pass_started_at END
  WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL
  RETURNING resource_id AS "resourceId", unit, account_id AS "accountId", channel,
    calendar_id AS "calendarId", time_zone AS "timeZone", settings, status, cursor, checkpoint,
    cursor_version AS "cursorVersion", generation, full_pass AS "fullPass",
    pass_started_at AS "passStartedAt", expanded_until AS "expandedUntilAt",
    expanded_with AS "expandedWith",
    watched_until AS "watchedUntilAt", last_page AS "lastPage",
    (SELECT min(missing_since) FROM channel_event e WHERE e.tenant_id = c.tenant_id
       AND e.connection_id = c.id AND upper_inf(e.recorded)
       AND e.missing_since IS NOT NULL) AS "missingSinceAt"`;

/** The current entries of every series that one of these native ids belongs to. */
export async function knownEvents(
  pool: pg.Pool,
  key: ConnectionKey,
  nativeIds: readonly string[],
): Promise<Map<string, KnownEvent>> {
  const { rows } = await pool.query<KnownEvent>(KNOWN_EVENTS, [
    key.tenantId,
    key.connectionId,
    nativeIds,
  ]);
  return new Map(rows.map((row) => [row.nativeId, row]));
}

const EVENT_COLUMNS = `native_id AS "nativeId", root_id AS "rootId", encode(hash, 'hex') AS hash,
  event, withheld_reason AS "withheldReason"`;

const KNOWN_EVENTS = `
  SELECT ${EVENT_COLUMNS} FROM channel_event
  WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded) AND root_id IN (
    SELECT unnest($3::text[]) UNION
    SELECT root_id FROM channel_event WHERE tenant_id = $1 AND connection_id = $2
      AND upper_inf(recorded) AND native_id = ANY ($3::text[]))`;

/**
 * Series to expand again: all when what they were expanded with is no longer so; when the horizon
 * moved, recurring ones and those that lie beyond the edge so far.
 */
export async function rootsToExpand(
  pool: pg.Pool,
  key: ConnectionKey,
  which: { all: boolean; recurring: boolean },
): Promise<string[]> {
  if (!which.all && !which.recurring) return [];
  const { rows } = await pool.query<{ rootId: string }>(ROOTS_TO_EXPAND, [
    key.tenantId,
    key.connectionId,
    which.all,
  ]);
  return rows.map((row) => row.rootId);
}

// Two days cover what a zone and the end of a day can make of a date.
const ROOTS_TO_EXPAND = `
  SELECT DISTINCT e.root_id AS "rootId" FROM channel_event e
  JOIN connection c ON c.tenant_id = e.tenant_id AND c.id = e.connection_id
  WHERE e.tenant_id = $1 AND e.connection_id = $2 AND upper_inf(e.recorded)
    AND ($3 OR jsonb_array_length(e.event->'recurrence') > 0
      OR left(coalesce(e.event->'end'->>'date', e.event->'end'->>'local', e.event->'end'->>'at',
          e.event->'start'->>'date', e.event->'start'->>'local', e.event->'start'->>'at'), 10)
        >= to_char(c.expanded_until - interval '2 days', 'YYYY-MM-DD'))`;

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
  /** Set where every series is now expanded to here, with this. */
  expanded: { untilAt: number; with: string } | null;
  verdict: GuardVerdict | null;
}

/** Events, busy spans, overlaps, entries, and the cursor last; or what another run stored before. */
export async function applyPage(pool: pg.Pool, page: PageToApply): Promise<AppliedPage> {
  return transaction(pool, async (client) => {
    const gate = await enterPass(client, page);
    if (gate.kind === 'applied') return gate.page;
    await writeEvents(client, page, gate.now);
    await applySpans(client, page);
    await flagOverlaps(client, page);
    if (page.fullPass && page.more) await rememberSeen(client, page);
    if (!page.more) await dropStale(client, page);
    return closePass(client, page);
  });
}

/**
 * Makes a part of the spans of a pass's last page before it, so that no transaction grows with the
 * calendar. What turns stale by it goes with that page.
 */
export async function applySeries(pool: pg.Pool, page: SeriesToApply): Promise<void> {
  await transaction(pool, async (client) => {
    const gate = await enterPass(client, page);
    if (gate.kind === 'applied') return;
    await applySpans(client, page);
    await flagOverlaps(client, page);
  });
}

export interface SeriesToApply extends ConnectionKey {
  pass: OpenPass;
  plan: Pick<PagePlan, 'series'>;
}

/** `now` is where old versions end and new ones begin, to the microsecond. */
type Gate = { kind: 'open'; now: string } | { kind: 'applied'; page: AppliedPage };

/** All locks, then a look whether the pass still stands where its page was read. */
async function enterPass(client: Queryable, page: SeriesToApply): Promise<Gate> {
  const { tenantId, connectionId, pass } = page;
  await client.query(`SELECT lock_resource($1, $2, true), lock_connection($1, $3)`, [
    tenantId,
    pass.resourceId,
    connectionId,
  ]);
  const { rows } = await client.query<{
    version: string;
    lastPage: AppliedPage | null;
    now: string;
  }>(
    `SELECT cursor_version AS version, last_page AS "lastPage", clock_timestamp()::text AS now
       FROM connection WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL`,
    [tenantId, connectionId],
  );
  const row = rows[0];
  if (!row) throw new Error('The connection was removed while its page was read.');
  if (Number(row.version) === pass.cursorVersion) return { kind: 'open', now: row.now };
  if (row.lastPage?.fromVersion === pass.cursorVersion)
    return { kind: 'applied', page: row.lastPage };
  throw new Error('Another pass moved this connection: the page is read again.');
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
          SET recorded = tstzrange(lower(recorded), greatest(lower(recorded), $4::timestamptz))
        WHERE tenant_id = $1 AND connection_id = $2 AND native_id = ANY ($3) AND upper_inf(recorded)`,
      [tenantId, connectionId, replaced, now],
    );
  if (plan.writes.length === 0) return;
  await client.query(
    `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash,
       withheld_reason, recorded, feed_position, notified_at)
     SELECT $1, $2, w."nativeId", w."rootId", w.event, decode(w.hash, 'hex'), w."withheldReason",
       tstzrange($5::timestamptz, NULL), $4, c.notified_at
     FROM jsonb_to_recordset($3::jsonb) AS w("nativeId" text, "rootId" text, event jsonb, hash text,
       "withheldReason" text), connection c WHERE c.tenant_id = $1 AND c.id = $2`,
    [tenantId, connectionId, JSON.stringify(plan.writes), pass.cursorVersion + 1, now],
  );
}

async function rememberSeen(client: Queryable, page: PageToApply): Promise<void> {
  await client.query(
    `INSERT INTO pass_seen (tenant_id, connection_id, generation, native_id)
     SELECT $1, $2, $3, unnest($4::text[]) ON CONFLICT DO NOTHING`,
    [page.tenantId, page.connectionId, page.pass.generation, page.plan.seen],
  );
}
