import type { NeutralEvent, WallTime } from '../../src/domain/event.ts';
import type { Holdfast } from '../support/holdfast.ts';
import { cancelled, exceptionId, type Entry } from './entry.ts';
import { instantOf, isDay, localOf, zText } from './wall.ts';

export interface Copy {
  entries: Entry[];
  /** Ids of entries that the channel stopped listing and we still keep. */
  missing: string[];
  /** Reasons of entries that we did not understand. */
  withheld: string[];
}

/** Our rows as the judge reads them: what Holdfast says it knows of a calendar. */
export async function copyOf(
  { database, tenantId }: Holdfast,
  connectionId: string,
  zone: string,
): Promise<Copy> {
  const { rows } = await database.pool.query<Row>(
    `SELECT event, missing_since IS NOT NULL AS "isMissing", withheld_reason AS "withheldReason"
       FROM channel_event WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)`,
    [tenantId, connectionId],
  );
  const masters = new Map(rows.map(({ event }) => [event.nativeId, event]));
  const read = rows.map(({ event, isMissing }) => ({
    entry: entryOf(event, { zone, master: masters.get(event.seriesId ?? '') }),
    isMissing,
  }));
  return {
    entries: read.map(({ entry }) => entry),
    missing: read.filter(({ isMissing }) => isMissing).map(({ entry }) => entry.id),
    withheld: rows.flatMap(({ withheldReason }) => withheldReason ?? []),
  };
}

interface Row {
  event: NeutralEvent;
  isMissing: boolean;
  withheldReason: string | null;
}

function entryOf(
  event: NeutralEvent,
  { zone, master }: { zone: string; master: NeutralEvent | undefined },
): Entry {
  const original = event.originalStart && textOf(event.originalStart, zone);
  const series = event.seriesId === null ? null : nameOf(event.seriesId);
  const entry: Entry = {
    id:
      series !== null && original !== null ? exceptionId(series, original) : nameOf(event.nativeId),
    series,
    original,
    nature: natureOf(event.inherits && master ? master : event),
    start: event.start && textOf(event.start, zone),
    end: event.end && textOf(event.end, zone),
    recurs: event.recurrence.length === 0 ? null : recursOf(event, zone),
    ...(event.isListed && { isListed: true }),
  };
  return entry.nature === 'cancelled' ? cancelled(entry) : entry;
}

/** CalDAV entries are named by their address; the last part tells them apart in one calendar. */
const nameOf = (nativeId: string): string =>
  decodeURIComponent(nativeId.split('/').findLast(Boolean)!);

function natureOf({ status, kind, transparency }: NeutralEvent): Entry['nature'] {
  if (status === 'cancelled') return 'cancelled';
  if (kind === 'working-elsewhere') return 'elsewhere';
  if (transparency === 'transparent') return 'free';
  if (status === 'tentative') return 'tentative';
  return kind === 'out-of-office' ? 'away' : 'busy';
}

function recursOf({ start, recurrence }: NeutralEvent, zone: string): Entry['recurs'] {
  const named = start!.kind === 'zoned' ? start!.zone : start!.kind === 'utc' ? 'UTC' : zone;
  const text = textOf(start!, zone);
  return {
    start: isDay(text) ? text : localOf(Date.parse(text), named),
    zone: isDay(text) ? 'day' : named,
    lines: recurrence,
  };
}

function textOf(time: WallTime, zone: string): string {
  if (time.kind === 'date') return time.date;
  if (time.kind === 'utc') return zText(Date.parse(time.at));
  return zText(instantOf(time.local, time.kind === 'zoned' ? time.zone : zone));
}
