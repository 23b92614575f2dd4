import { randomBytes, randomUUID } from 'node:crypto';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import type pg from 'pg';
import type { Channel } from '../../../src/channels/channel-provider.ts';
import { createIcalProvider } from '../../../src/channels/ical/provider.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../../../src/domain/connection.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { pullPage } from '../../../temporal/activities/connection.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import { addResource, openLedger, TENANT, type Ledger } from '../../support/ledger.ts';
import { tellTime } from '../../support/told-clock.ts';
import { openPort } from './port-scene.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Noon of the first day; the hosts of feeds and our whole service live by this clock. */
const FIRST_AT = Date.UTC(2027, 0, 10, 12);

/** A day as feeds write it, counted from the first. */
export const date = (day: number): string =>
  new Date(FIRST_AT + day * DAY_MS).toISOString().slice(0, 10);

export interface FeedScene {
  /** Sets the clock of our process and of the database. */
  at(day: number, minutes?: number): Promise<void>;
  nowAt(): number;
  /** `pageSize`: entries of a page, so that a pass can be looked at in its middle. */
  connect(pageSize?: number): Promise<FeedConnection>;
  close(): Promise<void>;
}

export interface FeedConnection {
  /** What the host answers from now on. */
  serve(body: string, status?: number): void;
  /** One pass; after each of its pages the nights taken are handed to `look`. Answers the status. */
  pass(look?: (nights: ReadonlySet<string>) => void): Promise<string>;
  /** Nights that are taken, from a day on. */
  nights(): Promise<Set<string>>;
  /** How many entries the journal got of each kind since the last time it was asked. */
  news(): Promise<Record<string, number>>;
  /** All that is kept of the calendar's entries. */
  copy(): Promise<unknown[]>;
}

export async function openFeeds(): Promise<FeedScene> {
  const ledger = await openLedger();
  const clock = await tellTime(ledger);
  const { pool } = clock;
  let nowAt = FIRST_AT;
  return {
    nowAt: () => nowAt,
    async at(day, minutes = 0) {
      nowAt = FIRST_AT + day * DAY_MS + minutes * MINUTE_MS;
      await clock.set(nowAt);
    },
    connect: (pageSize = 400) => connect(ledger, { pool, pageSize, now: () => nowAt }),
    async close() {
      await clock.close();
      await ledger.close();
    },
  };
}

async function connect(
  ledger: Ledger,
  { pool, pageSize, now }: { pool: pg.Pool; pageSize: number; now: () => number },
): Promise<FeedConnection> {
  const resourceId = await addResource(ledger.admin);
  const key = await addFeed(ledger.admin, resourceId);
  const host = { body: '', status: 200 };
  const address = `https://feeds.example.com/${randomBytes(4).toString('hex')}.ics`;
  const ical = createIcalProvider({
    fetchOutside: async ({ url }) => ({
      status: host.status,
      headers: {},
      body: Buffer.from(host.body),
      url,
    }),
    limits: { pageSize },
  });
  const { deps: usual } = openPort(ledger);
  const deps: ActivityDependencies = {
    ...usual,
    database: { pool } as ActivityDependencies['database'],
    channels: new Map<Channel, typeof ical>([['ical', ical]]),
    openAccess: () => Promise.resolve({ kind: 'url', url: address }),
    settings: { ...usual.settings, horizonMs: 548 * DAY_MS },
    now,
  };
  const page = async () => {
    const { rows } = await pool.query<{ version: number }>(
      'SELECT cursor_version::integer AS version FROM connection WHERE id = $1',
      [key.connectionId],
    );
    const input = { ...key, fromVersion: rows[0]!.version, acceptRemovals: false };
    const context = { cancellationSignal: new AbortController().signal } as Context;
    return asyncLocalStorage.run(context, () => pullPage(deps, input));
  };
  const nights = async () => nightsTaken(pool, key, now());
  let told = 0;
  return {
    nights,
    serve: (body, status = 200) => Object.assign(host, { body, status }),
    async pass(look = () => undefined) {
      for (;;) {
        const result = await page();
        look(await nights());
        if (result.kind === 'page' && !result.more) return result.status;
        if (result.kind === 'gone') throw new Error('The connection is gone.');
      }
    },
    async news() {
      const { rows } = await pool.query<{ kind: string; seq: number }>(
        `SELECT replace(type, 'event.', '') AS kind, seq::integer FROM journal
          WHERE subject = $1 AND seq > $2 AND type <> 'connection.live' ORDER BY seq`,
        [`connection/${key.connectionId}`, told],
      );
      told = rows.at(-1)?.seq ?? told;
      const counts: Record<string, number> = {};
      for (const { kind } of rows) counts[kind] = (counts[kind] ?? 0) + 1;
      return counts;
    },
    async copy() {
      const { rows } = await pool.query<{ event: unknown }>(
        `SELECT event, withheld_reason, missing_since FROM channel_event
          WHERE connection_id = $1 AND upper_inf(recorded) ORDER BY native_id`,
        [key.connectionId],
      );
      return rows;
    },
  };
}

async function addFeed(db: pg.Pool, resourceId: string): Promise<ConnectionKey> {
  const id = `c-${randomUUID()}`;
  await db.query(
    `WITH account AS (
       INSERT INTO account (tenant_id, id, channel, credential) VALUES ($1, $2, 'ical', '\\x00'))
     INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id,
       time_zone, settings, writable)
     VALUES ($1, $2, $3, $2, 'ical', 'feed', 'UTC', $4, false)`,
    [TENANT, id, resourceId, DEFAULT_CONNECTION_SETTINGS],
  );
  return { tenantId: TENANT, connectionId: id };
}

async function nightsTaken(pool: pg.Pool, key: ConnectionKey, nowAt: number): Promise<Set<string>> {
  const { rows } = await pool.query<{ night: string }>(
    `SELECT DISTINCT to_char(night, 'YYYY-MM-DD') AS night
       FROM busy, generate_series(start_at AT TIME ZONE 'UTC',
         end_at AT TIME ZONE 'UTC' - interval '1 second', interval '1 day') AS night
      WHERE connection_id = $1 AND end_at > $2`,
    [key.connectionId, new Date(nowAt)],
  );
  const today = new Date(nowAt).toISOString().slice(0, 10);
  return new Set(rows.map((row) => row.night).filter((night) => night >= today));
}
