import { createHash } from 'node:crypto';
import { busySpans } from '../../src/calendar/busy.ts';
import { instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import type { Channel } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { Interval } from '../../src/domain/interval.ts';
import {
  compareBusy,
  firstOf,
  inBoth,
  isDifferent,
  type Difference,
  type RepairReason,
} from '../../src/domain/repair.ts';
import { currentSeries, type CurrentEvent } from '../../src/store/history-of-events.ts';
import {
  enterDifference,
  keepComparison,
  spansToCompare,
  wantListing,
} from '../../src/store/repairs.ts';
import type { ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import { callChannel } from './call-channel.ts';
import type { ActivityDependencies, RepairSettings } from './dependencies.ts';

/*
 Our copy is compared with the channel when a pass has just found nothing new: nightly with all that
 the channel lists, and during the day with the channel's own word on what is taken. What differs is
 read anew, and that listing repairs it.
*/

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const DAY_MS = DAY_S * 1_000;
/** Listings are spread over this part of the calendar's own night. */
const NIGHT = { fromS: HOUR_S, lengthS: 4 * HOUR_S };
const TRY_EVERY_MS = HOUR_S * 1_000;
/** A wanted listing comes with the next pass; later than this, changes come first again. */
const SOON_MS = 300_000;
const AT_ONCE_MS = 1;
const DIFFERENCES_KEPT = 50;

/** After a pass: how soon to look again, and null for no sooner than usual. */
export async function compareCopy(
  deps: ActivityDependencies,
  key: ConnectionKey,
  pass: OpenPass,
): Promise<number | null> {
  const { repair } = deps.settings;
  const isQuiet = pass.lastPage?.passChanges === 0 && pass.missingSinceAt === null;
  if (!repair || !isQuiet) return null;
  if (repair.nightly && isNightDue(deps.now(), key, pass)) return list(deps, key, 'nightly');
  if (!isCompareDue(deps.now(), repair, { key, pass })) return null;
  return compareOnce(deps, key, { pass, repair });
}

/** The listing that the pass before this one asked for. */
export function wantedListing(
  deps: ActivityDependencies,
  { repair }: OpenPass,
): RepairReason | null {
  const { wanted, wantedAt } = repair;
  return deps.settings.repair && wantedAt !== null && deps.now() - wantedAt <= SOON_MS
    ? wanted
    : null;
}

/** Whether the connection's own hour of this night has come and nothing was listed since. */
function isNightDue(nowAt: number, key: ConnectionKey, { repair, timeZone }: OpenPass): boolean {
  if (repair.triedAt !== null && nowAt - repair.triedAt < TRY_EVERY_MS) return false;
  return (repair.listedAt ?? 0) < lastSlotAt(nowAt, timeZone, key.connectionId);
}

/** The last time that it was a connection's hour of the night, where its calendar is. */
export function lastSlotAt(nowAt: number, timeZone: string, connectionId: string): number {
  const zone = zoneIsKnown(timeZone) ? timeZone : 'UTC';
  const midnight = Math.floor(instantToWall(nowAt, zone) / DAY_S) * DAY_S;
  const slot = midnight + NIGHT.fromS + Math.floor(shareOf(connectionId) * NIGHT.lengthS);
  const slotAt = wallToInstant(slot, zone);
  return slotAt <= nowAt ? slotAt : wallToInstant(slot - DAY_S, zone);
}

function isCompareDue(
  nowAt: number,
  { compareEveryMs }: RepairSettings,
  { key, pass }: { key: ConnectionKey; pass: OpenPass },
): boolean {
  if (compareEveryMs === null) return false;
  const { comparedAt, listedAt, differs } = pass.repair;
  if (differs !== null) return true;
  const sinceMs = nowAt - (comparedAt ?? listedAt ?? 0);
  return sinceMs >= compareEveryMs * (0.75 + shareOf(key.connectionId) / 2);
}

/** The same for a connection for ever, and spread evenly over all of them; from 0 to 1. */
const shareOf = (connectionId: string): number =>
  createHash('sha256').update(`repair ${connectionId}`).digest().readUInt32BE(0) / 2 ** 32;

async function list(
  deps: ActivityDependencies,
  key: ConnectionKey,
  reason: RepairReason,
): Promise<number> {
  await wantListing(deps.database.pool, key, { reason, nowAt: deps.now() });
  return AT_ONCE_MS;
}

/** One of the two looks that a difference must last before anything is read anew. */
async function compareOnce(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, repair }: { pass: OpenPass; repair: RepairSettings },
): Promise<number | null> {
  const { pool } = deps.database;
  const nowAt = deps.now();
  const before = pass.repair.differs;
  const found = await differenceNow(deps, key, { pass, repair });
  const lasting = found && before ? inBoth(before, found) : found;
  if (!lasting || !isDifferent(lasting)) {
    await keepComparison(pool, key, { nowAt, differs: null });
    return null;
  }
  if (!before) {
    await keepComparison(pool, key, { nowAt, differs: firstOf(lasting, DIFFERENCES_KEPT) });
    return repair.secondLookMs;
  }
  await keepComparison(pool, key, { nowAt, differs: null });
  await enterDifference(pool, key, lasting);
  return list(deps, key, 'free-busy');
}

/** Null where the channel gives no such answer, or not now: comparing must keep nothing waiting. */
async function differenceNow(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, repair }: { pass: OpenPass; repair: RepairSettings },
): Promise<Difference | null> {
  const window = { startAt: deps.now(), endAt: deps.now() + repair.compareAheadMs };
  const theirs = await askFreeBusy(deps, key, { pass, window });
  if (!theirs) return null;
  const { busy, mirrors } = await spansToCompare(deps.database.pool, key, window);
  const certain = busy.filter((one) => one.certain);
  const found = compareBusy({ window, theirs, ours: [...busy, ...mirrors], certain });
  if (!isDifferent(found)) return found;
  // What we read otherwise by our own settings explains itself: entries as the channel counts them.
  const series = await currentSeries(deps.database.pool, key);
  const asTheirs = asTheChannelCounts(series, { window, calendarZone: pass.timeZone });
  return compareBusy({
    window,
    theirs,
    ours: [...asTheirs.all, ...mirrors],
    certain: asTheirs.certain,
  });
}

async function askFreeBusy(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, window }: { pass: OpenPass; window: Interval },
): Promise<Interval[] | null> {
  const provider = providerOf(deps.channels, pass.channel as Channel);
  const calendar = { id: pass.calendarId, timeZone: pass.timeZone };
  try {
    return await callChannel(deps, { ...key, ...pass }, (access) =>
      provider.freeBusy({ access, calendar, window }),
    );
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { connectionId } = key;
    deps.log('warn', 'free/busy was not answered', { connectionId, code: error.code });
    return null;
  }
}

const isNotTaken = ({ kind }: NeutralEvent): boolean => kind === 'not-taken';
const asTaken = (event: NeutralEvent): NeutralEvent =>
  isNotTaken(event) ? { ...event, kind: 'default' } : event;

/** Tentative time and our own bookings' events are taken there, and whole days lie in its zone. */
function asTheChannelCounts(
  series: readonly CurrentEvent[][],
  { window, calendarZone }: { window: Interval; calendarZone: string },
): { all: Interval[]; certain: Interval[] } {
  const all: Interval[] = [];
  const certain: Interval[] = [];
  const spansOf = (events: NeutralEvent[]): Interval[] =>
    busySpans(events, {
      window: { fromAt: window.startAt - DAY_MS, untilAt: window.endAt },
      calendarZone,
      tentative: 'busy',
      isOurs: () => false,
    }).spans;
  for (const members of series) {
    const events = members.map(({ event }) => event);
    const spans = spansOf(events);
    all.push(...spans);
    // Some servers count what was declined, as RFC 4791 §7.10 does not look at answers.
    if (events.some(isNotTaken)) all.push(...spansOf(events.map(asTaken)));
    if (members.every((one) => !one.isDoubtful)) certain.push(...spans);
  }
  return { all, certain };
}
