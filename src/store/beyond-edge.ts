import type pg from 'pg';
import { ANY_UNIT } from '../domain/units.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { ConnectionSettings, EntryReading } from '../domain/connection.ts';
import type { NeutralEvent } from '../domain/event.ts';
import { ourMirrors, type OurMirrors } from './our-mirrors.ts';

/** What tells of time beyond the edge to which a resource's calendars are expanded. */
export interface CalendarBeyond {
  connectionId: string;
  accountId: string;
  channel: string;
  calendarId: string;
  timeZone: string;
  /** Whole days of its events are days there. */
  resourceZone: string;
  /** Where the resource is sold by the night: when guests come and go. */
  resourceNights: { checkIn: string; checkOut: string } | null;
  /** What its events take: everything, a unit, or `ANY_UNIT`. */
  unit: number | null;
  reading: EntryReading;
  /** Epoch milliseconds: its busy time is stored up to here; null when it was never read. */
  expandedUntilAt: number | null;
  /** Where the channel listed a fixed stretch of time: its end. */
  coversUntilAt: number | null;
  /** The day (`YYYY-MM-DD`) that its last single entry reaches; null without one. */
  lastDate: string | null;
  /** Whether a series of it goes on for ever. */
  isEndless: boolean;
  /** Series that may take time beyond the edge, each with all its entries. */
  series: NeutralEvent[][];
  /** What of them is ours, and takes its time by itself. */
  ours: OurMirrors;
}

/** Every connected calendar of a resource. Meant for the few answers that look past the edge. */
export async function calendarsBeyond(
  pool: pg.Pool,
  ask: { tenantId: string; resourceId: string },
): Promise<CalendarBeyond[]> {
  const { rows } = await pool.query<Row>(CALENDARS, [ask.tenantId, ask.resourceId]);
  return Promise.all(
    rows.map(async (row) => {
      const key = { tenantId: ask.tenantId, connectionId: row.connectionId };
      const found = row.expandedUntil === null ? [] : await eventsBeyond(pool, key);
      const { expandedUntil, coversUntil, settings: given, unit, ...facts } = row;
      const settings = { ...DEFAULT_CONNECTION_SETTINGS, ...given };
      return {
        ...facts,
        unit: unit === null && settings.takes === 'unit' ? ANY_UNIT : unit,
        reading: settings,
        expandedUntilAt: expandedUntil?.getTime() ?? null,
        coversUntilAt: coversUntil?.getTime() ?? null,
        series: bySeries(found),
        ours: await ourMirrors(pool, key, {
          resourceId: ask.resourceId,
          unit,
          events: found.map(({ event }) => event),
        }),
      };
    }),
  );
}

function bySeries(events: readonly SeriesEvent[]): NeutralEvent[][] {
  const series = new Map<string, NeutralEvent[]>();
  for (const { rootId, event } of events) {
    const members = series.get(rootId);
    if (members) members.push(event);
    else series.set(rootId, [event]);
  }
  return [...series.values()];
}

interface SeriesEvent {
  rootId: string;
  event: NeutralEvent;
}

interface Row extends Omit<
  CalendarBeyond,
  'reading' | 'expandedUntilAt' | 'coversUntilAt' | 'series' | 'ours'
> {
  settings: Partial<ConnectionSettings>;
  expandedUntil: Date | null;
  coversUntil: Date | null;
}

const END = `left(coalesce(e.event->'end'->>'date', e.event->'end'->>'local', e.event->'end'->>'at',
  e.event->'start'->>'date', e.event->'start'->>'local', e.event->'start'->>'at'), 10)`;

const CALENDARS = `
  SELECT c.id AS "connectionId", c.account_id AS "accountId", c.channel,
    c.calendar_id AS "calendarId", c.time_zone AS "timeZone",
    r.time_zone AS "resourceZone", c.unit,
    CASE WHEN r.settings->>'soldBy' = 'night' THEN r.settings->'nights' END AS "resourceNights",
    c.settings, c.expanded_until AS "expandedUntil",
    c.covers_until AS "coversUntil", e.last AS "lastDate", coalesce(e.endless, false) AS "isEndless"
  FROM connection c JOIN resource r ON r.tenant_id = c.tenant_id AND r.id = c.resource_id
  CROSS JOIN LATERAL (
    SELECT max(${END}) FILTER (WHERE jsonb_array_length(e.event->'recurrence') = 0) AS last,
      bool_or(EXISTS (SELECT FROM jsonb_array_elements_text(e.event->'recurrence') AS rule
        WHERE rule LIKE 'RRULE%' AND rule !~ '(UNTIL|COUNT)=')) AS endless
    FROM channel_event e WHERE e.tenant_id = c.tenant_id AND e.connection_id = c.id
      AND upper_inf(e.recorded)) e
  WHERE c.tenant_id = $1 AND c.resource_id = $2 AND c.disconnected_at IS NULL`;

/** Of series that recur or end near the edge or after it; two days cover what a zone can make. */
async function eventsBeyond(
  pool: pg.Pool,
  key: { tenantId: string; connectionId: string },
): Promise<SeriesEvent[]> {
  const { rows } = await pool.query<SeriesEvent>(EVENTS, [key.tenantId, key.connectionId]);
  return rows;
}

const EVENTS = `
  SELECT root_id AS "rootId", event FROM channel_event
  WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded) AND root_id IN (
    SELECT e.root_id FROM channel_event e JOIN connection c
      ON c.tenant_id = e.tenant_id AND c.id = e.connection_id
     WHERE e.tenant_id = $1 AND e.connection_id = $2 AND upper_inf(e.recorded)
       AND (jsonb_array_length(e.event->'recurrence') > 0
         OR ${END} >= to_char(c.expanded_until - interval '2 days', 'YYYY-MM-DD')))`;
