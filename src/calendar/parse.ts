import type { NeutralEvent, WithheldItem } from '../domain/event.ts';
import { canonicalEvent } from '../domain/event.ts';
import { addressName } from './attendees.ts';
import type { Component } from './components.ts';
import { readComponents } from './components.ts';
import { embeddedZones } from './embedded-zones.ts';
import { readEvent } from './read-event.ts';
import { resolveZone, zoneIsKnown } from './zones.ts';

export interface ParsedFeed {
  /** BEGIN to END:VCALENDAR were there: what is absent is really not in the calendar. */
  complete: boolean;
  /** More lines or components than are read: it is not complete, and will not be the next time. */
  isTooLarge: boolean;
  /** X-WR-TIMEZONE: the calendar's own zone, where it says one we know. */
  zone: string | null;
  /** Entries that were understood; ids are unique. Those in `withheld` are not repeated here. */
  events: NeutralEvent[];
  withheld: WithheldItem[];
}

export interface ParseOptions {
  /** For floating times where the calendar names no zone of its own; `UTC` unless given. */
  defaultZone?: string;
  /**
   * Addresses by which whoever the calendar belongs to is invited: what they declined takes no time.
   * None where the owner is not known, as of a feed.
   */
  ownerAddresses?: readonly string[];
}

/**
 * Reads an iCalendar stream (RFC 5545) into neutral events, leniently, and never throws for what
 * it finds. An entry that is not understood is withheld with what could be read of it, and harms
 * no other. Titles, descriptions and locations are not read at all, and nothing of attendees is kept.
 */
export function parseFeed(text: string, options: ParseOptions = {}): ParsedFeed {
  const { calendars, complete, isTooLarge } = readComponents(text);
  const embedded = embeddedZones(calendars);
  const named = calendars
    .flatMap((calendar) => calendar.lines)
    .find((line) => line.name === 'X-WR-TIMEZONE');
  const zone = named ? resolveZone(named.value, embedded) : null;
  const wanted = zone ?? options.defaultZone ?? 'UTC';
  const context = {
    embedded,
    defaultZone: zoneIsKnown(wanted) ? wanted : 'UTC',
    owner: new Set(options.ownerAddresses?.map(addressName)),
  };
  const readings = entriesOf(calendars).map((entry) => readEvent(entry, context));
  const events = readings.flatMap(({ event, reason }) => (event && !reason ? [event] : []));
  const withheld = readings.flatMap(({ event, reason, nativeId }) =>
    reason ? [{ nativeId, reason, event }] : [],
  );
  const known = distinct(events);
  const standing = distinctWithheld(notSuperseded(withheld, known), known);
  return { complete, isTooLarge, zone, events: known, withheld: standing };
}

const entriesOf = (calendars: readonly Component[]): Component[] =>
  calendars.flatMap((calendar) => calendar.children.filter((part) => part.name === 'VEVENT'));

/**
 * Gives every entry an id of its own. Of entries with one id a higher SEQUENCE supersedes; equal
 * ones that say different things are different entries of a careless writer, and all stand.
 */
function distinct(events: readonly NeutralEvent[]): NeutralEvent[] {
  const byId = new Map<string, NeutralEvent[]>();
  for (const event of events) {
    const same = byId.get(event.nativeId);
    if (same) same.push(event);
    else byId.set(event.nativeId, [event]);
  }
  return [...byId.values()].flatMap((same) => (same.length === 1 ? same : separate(same)));
}

function separate(same: readonly NeutralEvent[]): NeutralEvent[] {
  const newest = same.reduce((highest, event) => Math.max(highest, event.sequence), 0);
  const byContent = new Map<string, NeutralEvent>();
  for (const event of same) {
    if (event.sequence === newest) byContent.set(canonicalEvent(event), event);
  }
  // Sorted by content, so that the order of the file does not swap ids.
  const sorted = [...byContent.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, event], index) =>
    index === 0 ? event : { ...event, nativeId: `${event.nativeId}~${index + 1}` },
  );
}

/** An entry that was not understood matters no more where a later version of it was. */
function notSuperseded(
  items: readonly WithheldItem[],
  events: readonly NeutralEvent[],
): WithheldItem[] {
  if (items.length === 0) return [];
  const latest = new Map(events.map((event) => [event.nativeId, event.sequence]));
  return items.filter(
    ({ nativeId, event }) => event === null || event.sequence >= (latest.get(nativeId) ?? 0),
  );
}

function distinctWithheld(
  items: readonly WithheldItem[],
  events: readonly NeutralEvent[],
): WithheldItem[] {
  const taken = new Set(events.map((event) => event.nativeId));
  const copies = new Map<string, number>();
  return items.map((item) => {
    let copy = copies.get(item.nativeId) ?? 1;
    let nativeId = copy === 1 ? item.nativeId : `${item.nativeId}~${copy}`;
    while (taken.has(nativeId)) nativeId = `${item.nativeId}~${(copy += 1)}`;
    copies.set(item.nativeId, copy + 1);
    taken.add(nativeId);
    return { ...item, nativeId, event: item.event && { ...item.event, nativeId } };
  });
}
