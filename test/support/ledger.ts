import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { busySpans } from '../../src/calendar/busy.ts';
import type { StartBooking } from '../../src/commands.ts';
import type { GuardVerdict } from '../../src/domain/deletion-guard.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../../src/domain/connection.ts';
import type { Rename } from '../../src/domain/renames.ts';
import { canonicalEvent } from '../../src/domain/event.ts';
import type { Change, NeutralEvent } from '../../src/domain/event.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../../src/domain/resource.ts';
import type { ResourceSettings } from '../../src/domain/resource.ts';
import { planPage } from '../../src/domain/sync-plan.ts';
import type { AppliedPage, ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import { knownEvents } from '../../src/store/known-events.ts';
import { markerFor } from '../../src/store/mirror-marker.ts';
import { markerKeyOf } from '../../src/store/our-mirrors.ts';
import { applyPage, openPass } from '../../src/store/sync.ts';
import { createDatabase } from './postgres.ts';
import { PLAIN_TERMS } from './plain-terms.ts';

/** A database of the test's own with one tenant, and the few rows most laws of the ledger need. */
export const TENANT = 'acme';

export interface Ledger {
  /** As the role that serves. */
  pool: pg.Pool;
  /** As superuser: sets a scene that no statement of ours could. */
  admin: pg.Pool;
  ownerUrl: string;
  appUrl: string;
  close: () => Promise<void>;
}

export async function openLedger(options: { poolSize?: number } = {}): Promise<Ledger> {
  const database = await createDatabase();
  const pool = openPool(database.appUrl, options.poolSize ?? 12);
  const admin = openPool(database.adminUrl, 4);
  await addTenant(admin, TENANT);
  return {
    pool,
    admin,
    ownerUrl: database.ownerUrl,
    appUrl: database.appUrl,
    async close() {
      for (const client of open) client.release(true);
      open.clear();
      await pool.end();
      await admin.end();
      await database.drop();
    },
  };
}

export function openPool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on('error', () => undefined);
  return pool;
}

const BASE_AT = Date.UTC(2035, 0, 1);
const HOUR_MS = 3_600_000;

/** An instant far in the future, hours after a fixed one. */
export const hour = (hours: number): string => new Date(BASE_AT + hours * HOUR_MS).toISOString();

export const addTenant = (db: pg.Pool, id: string) =>
  db.query('INSERT INTO tenant (id, name) VALUES ($1, $1)', [id]);

export async function addResource(
  db: pg.Pool,
  input: { id?: string; tenantId?: string; capacity?: number } & Partial<ResourceSettings> = {},
): Promise<string> {
  const { id = `r-${randomUUID()}`, tenantId = TENANT, capacity = 1, ...settings } = input;
  await db.query(
    `INSERT INTO resource (tenant_id, id, name, time_zone, capacity, settings, seq)
     VALUES ($1, $2, $2, 'UTC', $3, $4, 0)`,
    [tenantId, id, capacity, { ...DEFAULT_RESOURCE_SETTINGS, ...settings }],
  );
  return id;
}

export async function addConnection(
  db: pg.Pool,
  input: { resourceId: string; unit?: number | null; settings?: object; writable?: boolean },
): Promise<ConnectionKey> {
  const { unit = null, settings = DEFAULT_CONNECTION_SETTINGS, writable = true } = input;
  const id = `c-${randomUUID()}`;
  await db.query(
    `WITH account AS (
       INSERT INTO account (tenant_id, id, channel, credential) VALUES ($1, $2, 'google', '\\x00'))
     INSERT INTO connection (tenant_id, id, resource_id, unit, account_id, channel, calendar_id,
       time_zone, settings, writable)
     VALUES ($1, $2, $3, $4, $2, 'google', 'primary', 'UTC', $5, $6)`,
    [TENANT, id, input.resourceId, unit, settings, writable],
  );
  return { tenantId: TENANT, connectionId: id };
}

/** A hold of one hour at hour 0, unless said otherwise. */
export function aHold(resourceId: string, input: Partial<StartBooking> = {}): StartBooking {
  const bookingId = input.bookingId ?? randomUUID();
  return {
    tenantId: TENANT,
    key: `key-${bookingId}`,
    fingerprint: 'f',
    resourceId,
    startAt: hour(0),
    endAt: hour(1),
    bufferBeforeMs: 0,
    bufferAfterMs: 0,
    party: 1,
    amountMinor: 0,
    currency: null,
    paymentKind: 'none',
    paymentAccountId: null,
    holdTtlMs: 900_000,
    ...PLAIN_TERMS,
    ...input,
    bookingId,
  };
}

/** An outside entry from one hour to another. */
export function anEvent(
  nativeId: string,
  [from, to]: readonly [number, number],
  more: Partial<NeutralEvent> = {},
): NeutralEvent {
  return {
    nativeId,
    uid: nativeId,
    seriesId: null,
    originalStart: null,
    status: 'confirmed',
    transparency: 'opaque',
    kind: 'default',
    start: { kind: 'utc', at: hour(from) },
    end: { kind: 'utc', at: hour(to) },
    recurrence: [],
    thisAndFuture: false,
    sequence: 0,
    etag: null,
    updatedAt: null,
    marker: null,
    ...more,
  };
}

/** The marker that we write on the mirror of a booking of that time. */
export const markerOf = async (
  db: pg.Pool,
  subjectId: string,
  [from, to]: readonly [number, number],
): Promise<string> =>
  markerFor(await markerKeyOf(db, TENANT), {
    tenantId: TENANT,
    subjectId,
    startAt: Date.parse(hour(from)),
    endAt: Date.parse(hour(to)),
  });

export const listed = (...events: NeutralEvent[]): Change[] =>
  events.map((event) => ({ kind: 'upsert', event }));

export const gone = (...nativeIds: string[]): Change[] =>
  nativeIds.map((nativeId) => ({ kind: 'removed', nativeId }));

export interface Page {
  changes?: Change[];
  more?: boolean;
  fullPass?: boolean;
  verdict?: GuardVerdict | null;
  renames?: readonly Rename[];
  timeZone?: string;
  expanded?: { untilAt: number; with: string };
  /** What `openPass` is told; the version the row has, unless said otherwise. */
  fromVersion?: number;
}

/** Reads a page's state as an activity does. */
export async function begin(pool: pg.Pool, key: ConnectionKey, page: Page = {}): Promise<OpenPass> {
  const fromVersion = page.fromVersion ?? (await versionOf(pool, key));
  const pass = await openPass(pool, { ...key, fromVersion });
  if (!pass) throw new Error('The connection is gone.');
  return pass;
}

/** Plans what a page brought and applies it to the pass it was read in. */
export async function bring(
  pool: pg.Pool,
  key: ConnectionKey,
  { pass, page }: { pass: OpenPass; page: Page },
): Promise<AppliedPage> {
  const { more = false, fullPass = false, verdict = null } = page;
  const { changes = [] } = page;
  const ids = changes.flatMap((one) =>
    one.kind === 'removed' ? [one.nativeId] : [one.event.nativeId, one.event.seriesId ?? []].flat(),
  );
  const known = await knownEvents(pool, key, [...ids, ...(verdict?.gone ?? [])]);
  const plan = planPage({
    changes,
    withheld: [],
    gone: verdict?.gone ?? [],
    known,
    expandAgain: [],
    expand: (members) => busySpans(members, EXPANSION),
    hash: (event) => createHash('sha256').update(canonicalEvent(event)).digest('hex'),
  });
  const mark = Buffer.from(`v${pass.cursorVersion + 1}`);
  return applyPage(pool, {
    ...key,
    pass,
    plan,
    fullPass,
    more,
    cursor: more ? null : mark,
    checkpoint: more ? mark : null,
    ageMs: 0,
    timeZone: page.timeZone ?? null,
    coversUntilAt: null,
    expandedWith: page.expanded?.with ?? null,
    expanded: page.expanded ?? null,
    verdict,
    renames: page.renames ?? [],
    spans: 0,
    isRestore: false,
  });
}

const EXPANSION = {
  window: { fromAt: BASE_AT - 400 * 24 * HOUR_MS, untilAt: BASE_AT + 400 * 24 * HOUR_MS },
  calendarZone: 'UTC',
  tentative: 'busy',
  isOurs: ({ marker }: NeutralEvent) => marker !== null,
} as const;

export async function sync(
  pool: pg.Pool,
  key: ConnectionKey,
  page: Page = {},
): Promise<AppliedPage> {
  return bring(pool, key, { pass: await begin(pool, key, page), page });
}

async function versionOf(pool: pg.Pool, key: ConnectionKey): Promise<number> {
  const { rows } = await pool.query<{ version: number }>(
    `SELECT cursor_version::integer AS version FROM connection WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, key.connectionId],
  );
  return rows[0]?.version ?? 0;
}

/** Types of a subject's entries in order of seq; fails when seq has a gap. */
export async function entriesOf(pool: pg.Pool, subject: string): Promise<string[]> {
  const { rows } = await pool.query<{ type: string; seq: number }>(
    `SELECT type, seq::integer FROM journal WHERE tenant_id = $1 AND subject = $2 ORDER BY seq`,
    [TENANT, subject],
  );
  for (const [index, { seq }] of rows.entries())
    if (seq !== index + 1) throw new Error(`${subject} has no entry ${index + 1}.`);
  return rows.map((row) => row.type);
}

/** Deadlocks PostgreSQL had to break in this database. */
export async function deadlocksIn(ledger: Ledger): Promise<number> {
  const { rows } = await ledger.admin.query<{ deadlocks: number }>(
    `SELECT pg_stat_clear_snapshot(), deadlocks::integer FROM pg_stat_database
      WHERE datname = current_database()`,
  );
  return rows[0]!.deadlocks;
}

/** Of tests that failed half way. */
const open = new Set<pg.PoolClient>();

/** A transaction that a test opens, looks around in, and ends. */
export async function openTransaction(pool: pg.Pool) {
  const client = await pool.connect();
  client.on('error', () => undefined);
  open.add(client);
  await client.query('BEGIN');
  return {
    query: (text: string, values: unknown[] = []) => client.query(text, values),
    async end(how: 'COMMIT' | 'ROLLBACK') {
      await client.query(how);
      open.delete(client);
      client.release(true);
    },
  };
}

/** Whether a promise is still open after a while. */
export async function isWaiting(promise: Promise<unknown>, forMs = 150): Promise<boolean> {
  const open = Symbol('open');
  const timer = new Promise((resolve) => setTimeout(() => resolve(open), forMs));
  return (await Promise.race([promise, timer])) === open;
}
