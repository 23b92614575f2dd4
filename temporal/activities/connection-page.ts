import { createHash } from 'node:crypto';
import { readingNameOf } from '../../src/domain/connection.ts';
import { canonicalEvent, type NeutralEvent } from '../../src/domain/event.ts';
import { planPage, type PagePlan } from '../../src/domain/sync-plan.ts';
import { isRepair } from '../../src/domain/repair.ts';
import { knownEvents, rootsToExpand } from '../../src/store/known-events.ts';
import { pageBefore } from '../../src/store/passes.ts';
import { moveEdge } from '../../src/store/horizon.ts';
import {
  applyPage,
  applySeries,
  openPass,
  type ConnectionKey,
  type OpenPass,
} from '../../src/store/sync.ts';
import type { ConnectionActivities } from '../contracts/connection.ts';
import { judgeAbsence } from './connection-absence.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { doubtOurs } from './mirror-doubts.ts';
import { eventsOf, readingOf, settingsOf, windowOf, type Page } from './pulled-page.ts';
import { expandAhead, expander } from './read-ahead.ts';

type PullInput = Parameters<ConnectionActivities['pullPage']>[0];

/** How far the expanded edge may lag behind the horizon: once a day series are expanded again. */
const HORIZON_SLACK_MS = 86_400_000;
/** Series expanded again in one transaction, and spans made in one. */
const SERIES_AT_ONCE = 500;
const SPANS_AT_ONCE = 50_000;

interface PulledPage {
  pass: OpenPass;
  pulled: Page;
  /** Sealed. */
  cursor: Buffer | null;
  checkpoint: Buffer | null;
}

/** Plans what a page changes and makes it true: in one transaction, but for a horizon that moved. */
export async function applyPulled(
  deps: ActivityDependencies,
  input: PullInput,
  { pass, pulled, cursor, checkpoint }: PulledPage,
): Promise<void> {
  const { pool } = deps.database;
  const fullPass = pulled.kind === 'snapshot';
  const judged =
    fullPass && !pulled.more ? await judgeAbsence(deps, input, { pass, pulled }) : null;
  const gone = judged?.verdict.gone ?? [];
  await doubtOurs(deps, input, { pass, pulled, gone });
  const own = idsOf(pulled, gone);
  const zone = pulled.timeZone ?? pass.timeZone;
  const toExpand = { pass, zone, isRepair: isRepair(pass.repair.listingFor) };
  const again = pulled.more ? NONE_AGAIN : await toExpandAgain(deps, input, toExpand);
  const [later, now] = split(again.roots, new Set(own));
  const spans = await expandInParts(deps, input, { pass, zone, roots: later });
  await applyPage(pool, {
    ...input,
    pass,
    plan: await planned(deps, input, { pass, zone, pulled, gone, expandAgain: now }),
    fullPass,
    more: pulled.more,
    cursor,
    checkpoint,
    ageMs: pulled.ageMs,
    timeZone: pulled.timeZone ?? null,
    coversUntilAt: pulled.coversUntilAt ?? null,
    expandedWith: nameOf(pass, zone),
    expanded: again.expanded,
    verdict: judged?.verdict ?? null,
    renames: judged?.renames ?? [],
    spans,
    isRestore: false,
  });
}

/** Does of a page's planning what can be done before the page ahead of it is applied. */
export const planAhead = (
  deps: ActivityDependencies,
  { pass, pulled }: { pass: OpenPass; pulled: Page },
): Promise<void> =>
  expandAhead(
    eventsOf(pulled),
    {
      ...settingsOf(pass),
      window: windowOf(deps, pass),
      calendarZone: pulled.timeZone ?? pass.timeZone,
    },
    SPANS_AT_ONCE,
  );

/**
 * Moves the edge of what is expanded without a pass, for a connection that makes none: it is paused,
 * or its channel refuses us. Freed time goes with the next pass, as ever.
 */
export async function rollEdge(deps: ActivityDependencies, key: ConnectionKey): Promise<void> {
  const { pool } = deps.database;
  const open = await openPass(pool, { ...key, fromVersion: null });
  if (!open) return;
  // A pass that was left in its middle expanded up to where the edge was then.
  const pass = { ...open, passStartedAt: deps.now(), lastPage: null };
  const zone = pass.timeZone;
  const again = await toExpandAgain(deps, key, { pass, zone, isRepair: false });
  if (!again.expanded) return;
  await expandInParts(deps, key, { pass, zone, roots: again.roots });
  const { untilAt, with: expandedWith } = again.expanded;
  await moveEdge(pool, key, { pass, untilAt, expandedWith });
}

/** So that no transaction grows with the calendar. Answers how many spans ahead were not so before. */
async function expandInParts(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, zone, roots }: { pass: OpenPass; zone: string; roots: readonly string[] },
): Promise<number> {
  let spans = 0;
  for (let at = 0; at < roots.length; at += SERIES_AT_ONCE) {
    const expandAgain = roots.slice(at, at + SERIES_AT_ONCE);
    const plan = await planned(deps, key, { pass, zone, pulled: NOTHING, expandAgain });
    spans += await applySeries(deps.database.pool, { ...key, pass, plan });
  }
  return spans;
}

interface Again {
  roots: string[];
  expanded: { untilAt: number; with: string } | null;
}
const NONE_AGAIN: Again = { roots: [], expanded: null };

/** At a pass's end: series whose spans are out of date, and what is true once they are made anew. */
async function toExpandAgain(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, zone, isRepair }: { pass: OpenPass; zone: string; isRepair: boolean },
): Promise<Again> {
  const { untilAt } = windowOf(deps, pass);
  const expandedWith = nameOf(pass, zone);
  const all = isRepair || expandedWith !== pass.expandedWith;
  const recurring = (pass.expandedUntilAt ?? 0) < untilAt - HORIZON_SLACK_MS;
  if (!all && !recurring) return NONE_AGAIN;
  // What earlier pages of this pass wrote, they expanded as far, and mostly with the same.
  const before = pageBefore(pass);
  const notAfter = before?.passExpandedWith === expandedWith ? before.pass.from : null;
  return {
    roots: await rootsToExpand(deps.database.pool, key, { all, recurring, notAfter }),
    expanded: { untilAt, with: expandedWith },
  };
}

/** All that the spans of a series depend on beside its entries. */
const nameOf = (pass: OpenPass, zone: string): string => {
  const { resourceZone, resourceNights, settings, unit } = pass;
  const nights = resourceNights ? `${resourceNights.checkIn}-${resourceNights.checkOut}` : [];
  return [zone, resourceZone, readingNameOf(settings), unit ?? [], nights].flat().join('|');
};

interface ToPlan {
  pass: OpenPass;
  /** The calendar's own. */
  zone: string;
  pulled: Pick<Page, 'changes' | 'withheld'>;
  gone?: readonly string[];
  expandAgain: readonly string[];
  /** What an entry's content is known by; worked out anew unless given. */
  hash?: typeof hashOf;
}

export async function planned(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, zone, pulled, gone = [], expandAgain, hash = hashOf }: ToPlan,
): Promise<PagePlan> {
  const { pool } = deps.database;
  const known = await knownEvents(pool, key, [...idsOf(pulled, gone), ...expandAgain]);
  const reading = await readingOf(deps, key, {
    pass,
    events: [...eventsOf(pulled), ...[...known.values()].map((one) => one.event)],
  });
  let spansLeft = SPANS_AT_ONCE;
  const expandWithin = expander({
    ...reading,
    window: windowOf(deps, pass),
    calendarZone: zone,
  });
  return planPage({
    changes: pulled.changes,
    withheld: pulled.withheld,
    gone,
    known,
    expandAgain,
    expand(members) {
      const expanded = expandWithin(members, spansLeft);
      spansLeft -= expanded.spans.length;
      return expanded;
    },
    hash,
  });
}

const NOTHING = { changes: [], withheld: [] };

/** Every id that the page names, of entries and of the series they belong to. */
const idsOf = (pulled: Pick<Page, 'changes' | 'withheld'>, gone: readonly string[]): string[] => [
  ...pulled.changes.flatMap((one) => (one.kind === 'removed' ? [one.nativeId] : [])),
  ...pulled.withheld.map((one) => one.nativeId),
  ...eventsOf(pulled).flatMap(({ nativeId, seriesId }) => [nativeId, seriesId ?? []].flat()),
  ...gone,
];

function split(ids: readonly string[], inside: ReadonlySet<string>): [string[], string[]] {
  return [ids.filter((id) => !inside.has(id)), ids.filter((id) => inside.has(id))];
}

export const hashOf = (event: NeutralEvent, withheldReason: string | null): string =>
  createHash('sha256')
    .update(canonicalEvent(event))
    .update(withheldReason ?? '')
    .digest('hex');
