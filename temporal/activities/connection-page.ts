import { createHash } from 'node:crypto';
import { busySpans } from '../../src/calendar/busy.ts';
import { canonicalEvent, type NeutralEvent } from '../../src/domain/event.ts';
import { planPage, type PagePlan } from '../../src/domain/sync-plan.ts';
import {
  applyPage,
  applySeries,
  knownEvents,
  rootsToExpand,
  type ConnectionKey,
  type OpenPass,
} from '../../src/store/sync.ts';
import type { ConnectionActivities } from '../contracts/connection.ts';
import { judgeAbsence } from './connection-absence.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { eventsOf, readingOf, windowOf, type Page } from './pulled-page.ts';

type PullInput = Parameters<ConnectionActivities['pullPage']>[0];

/** How far the expanded edge may lag behind the horizon before recurring series are expanded again. */
const HORIZON_SLACK_MS = 7 * 86_400_000;
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
  const verdict =
    fullPass && !pulled.more ? await judgeAbsence(deps, input, { pass, pulled }) : null;
  const gone = verdict?.gone ?? [];
  const own = idsOf(pulled, gone);
  const zone = pulled.timeZone ?? pass.timeZone;
  const again = pulled.more ? NONE_AGAIN : await toExpandAgain(deps, input, { pass, zone });
  const [later, now] = split(again.roots, new Set(own));
  for (let at = 0; at < later.length; at += SERIES_AT_ONCE) {
    const expandAgain = later.slice(at, at + SERIES_AT_ONCE);
    const plan = await planned(deps, input, { pass, zone, pulled: NOTHING, expandAgain });
    await applySeries(pool, { ...input, pass, plan });
  }
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
    expanded: again.expanded,
    verdict,
  });
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
  { pass, zone }: { pass: OpenPass; zone: string },
): Promise<Again> {
  const { untilAt } = windowOf(deps, pass);
  const expandedWith = `${zone}|${pass.settings.tentative}`;
  const all = expandedWith !== pass.expandedWith;
  const recurring = (pass.expandedUntilAt ?? 0) < untilAt - HORIZON_SLACK_MS;
  if (!all && !recurring) return NONE_AGAIN;
  return {
    roots: await rootsToExpand(deps.database.pool, key, { all, recurring }),
    expanded: { untilAt, with: expandedWith },
  };
}

interface ToPlan {
  pass: OpenPass;
  /** The calendar's own. */
  zone: string;
  pulled: Pick<Page, 'changes' | 'withheld'>;
  gone?: readonly string[];
  expandAgain: readonly string[];
}

async function planned(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, zone, pulled, gone = [], expandAgain }: ToPlan,
): Promise<PagePlan> {
  const { pool } = deps.database;
  const known = await knownEvents(pool, key, [...idsOf(pulled, gone), ...expandAgain]);
  const reading = await readingOf(deps, key, {
    pass,
    events: [...eventsOf(pulled), ...[...known.values()].map((one) => one.event)],
  });
  let spansLeft = SPANS_AT_ONCE;
  return planPage({
    changes: pulled.changes,
    withheld: pulled.withheld,
    gone,
    known,
    expandAgain,
    expand(members) {
      const expanded = busySpans(members, {
        ...reading,
        window: windowOf(deps, pass),
        calendarZone: zone,
        maxSpans: spansLeft,
      });
      spansLeft -= expanded.spans.length;
      return expanded;
    },
    hash: hashOf,
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

const hashOf = (event: NeutralEvent, withheldReason: string | null): string =>
  createHash('sha256')
    .update(canonicalEvent(event))
    .update(withheldReason ?? '')
    .digest('hex');
