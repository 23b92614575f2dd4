import { createHash } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import { busySpans } from '../../src/calendar/busy.ts';
import type { Channel, Pulled } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { guardRemovals, type GuardVerdict } from '../../src/domain/deletion-guard.ts';
import { canonicalEvent, type Change, type NeutralEvent } from '../../src/domain/event.ts';
import { planPage } from '../../src/domain/sync-plan.ts';
import {
  dropCheckpoint,
  setConnectionStatus,
  startGeneration,
} from '../../src/store/connection-status.ts';
import { mirrorsToDo } from '../../src/store/mirrors.ts';
import {
  applyPage,
  knownEvents,
  missingEvents,
  openPass,
  rootsToExpand,
  type ConnectionKey,
  type OpenPass,
} from '../../src/store/sync.ts';
import type { ConnectionActivities, PullResult } from '../contracts/connection.ts';
import { callChannel } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';

type PullInput = Parameters<ConnectionActivities['pullPage']>[0];
type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

const DAY_MS = 86_400_000;
/** Spans that ended longer ago than this are not kept. */
const KEEP_PAST_MS = 7 * DAY_MS;
/** How far the expanded edge may lag behind the horizon before recurring series are expanded again. */
const HORIZON_SLACK_MS = 7 * DAY_MS;

/**
 * Reads one page of a channel and makes it true here, exactly once: a retry finds the version
 * advanced and answers what the first attempt stored.
 */
export async function pullPage(deps: ActivityDependencies, input: PullInput): Promise<PullResult> {
  const { pool } = deps.database;
  const pass = await openPass(pool, input);
  if (!pass) return { kind: 'gone' };
  if (pass.lastPage?.fromVersion === input.fromVersion && pass.cursorVersion > input.fromVersion)
    return answer(deps, input, pass);

  const pulled = await pull(deps, input, pass);
  if (pulled.kind === 'cursor-lost') {
    const setBack = pulled.what === 'cursor' ? startGeneration : dropCheckpoint;
    const cursorVersion = await setBack(pool, input);
    return { kind: 'cursor-lost', what: pulled.what, cursorVersion };
  }
  await apply(deps, { input, pass, pulled });
  const after = await openPass(pool, { ...input, fromVersion: pass.cursorVersion });
  return after ? answer(deps, input, after) : { kind: 'gone' };
}

async function pull(deps: ActivityDependencies, key: PullInput, pass: OpenPass): Promise<Pulled> {
  const provider = providerOf(deps.channels, pass.channel as Channel);
  const missingMs = pass.missingSinceAt === null ? 0 : deps.now() - pass.missingSinceAt;
  // What the channel stopped listing is believed or not at a second complete listing.
  const lookAgain =
    key.acceptRemovals ||
    missingMs > Math.max(provider.supports.absenceConfirmMs, pass.settings.pollIntervalMs);
  const listAll = pass.checkpoint === null ? lookAgain : pass.fullPass;
  return callChannel(deps, { ...key, ...pass }, (access) =>
    provider.pull({
      access,
      calendar: { id: pass.calendarId, timeZone: pass.timeZone },
      cursor: listAll ? null : opened(deps, placeOf(key, 'cursor'), pass.cursor),
      checkpoint: opened(deps, placeOf(key, 'checkpoint'), pass.checkpoint),
      window: windowOf(deps, pass),
      nowAt: deps.now(),
      signal: cancellationSignal(),
    }),
  );
}

async function apply(
  deps: ActivityDependencies,
  { input, pass, pulled }: { input: PullInput; pass: OpenPass; pulled: Page },
): Promise<void> {
  const { pool } = deps.database;
  const fullPass = pulled.kind === 'snapshot';
  const absence =
    fullPass && !pulled.more ? await judgeAbsence(deps, input, { pass, pulled }) : null;
  const changes: Change[] = [
    ...pulled.changes,
    ...(absence?.gone ?? []).map((nativeId) => ({ kind: 'removed' as const, nativeId })),
  ];
  const window = windowOf(deps, pass);
  const calendarZone = pulled.timeZone ?? pass.timeZone;
  const expandAgain = pulled.more
    ? []
    : await rootsToExpand(pool, input, {
        all: calendarZone !== pass.timeZone,
        recurring: (pass.expandedUntilAt ?? 0) < window.untilAt - HORIZON_SLACK_MS,
      });
  const known = await knownEvents(pool, input, [...idsOf(pulled, changes), ...expandAgain]);
  const plan = planPage({
    changes,
    withheld: pulled.withheld,
    known,
    expandAgain,
    expand: (members) =>
      busySpans(members, { window, calendarZone, tentative: pass.settings.tentative }),
    hash: hashOf,
  });
  await applyPage(pool, {
    ...input,
    pass,
    plan,
    fullPass,
    more: pulled.more,
    cursor: sealed(deps, placeOf(input, 'cursor'), pulled.nextCursor),
    checkpoint: sealed(deps, placeOf(input, 'checkpoint'), pulled.checkpoint),
    ageMs: pulled.ageMs,
    timeZone: pulled.timeZone ?? null,
    expandedUntilAt:
      expandAgain.length > 0 || pass.expandedUntilAt === null ? window.untilAt : null,
    verdict: absence,
  });
}

/** Which of the entries that a complete listing lacks are believed gone. */
async function judgeAbsence(
  deps: ActivityDependencies,
  input: PullInput,
  { pass, pulled }: { pass: OpenPass; pulled: Page },
): Promise<GuardVerdict> {
  const seen = [
    ...pulled.changes.flatMap((one) => (one.kind === 'upsert' ? [one.event.nativeId] : [])),
    ...pulled.withheld.map((one) => one.nativeId),
  ];
  const found = await missingEvents(deps.database.pool, input, {
    generation: pass.generation,
    seen,
  });
  const listed = new Set(
    pulled.changes.flatMap((one) => (one.kind === 'upsert' ? [spanKey(one.event)] : [])),
  );
  const { supports } = providerOf(deps.channels, pass.channel as Channel);
  return guardRemovals({
    missing: found.missing.map((one) => ({ ...one, renamed: listed.has(spanKey(one.event)) })),
    futureSpans: found.futureSpans,
    nowAt: deps.now(),
    absenceConfirmMs: supports.absenceConfirmMs,
    acceptRemovals: input.acceptRemovals,
  });
}

/** How the connection stands after a page; the same for the attempt that applied it and a retry. */
async function answer(
  deps: ActivityDependencies,
  key: ConnectionKey,
  pass: OpenPass,
): Promise<PullResult> {
  const { pool } = deps.database;
  const page = pass.lastPage!;
  const guarded = page.guarded || (pass.status === 'guarded' && pass.missingSinceAt !== null);
  const status = guarded ? 'guarded' : 'live';
  if (!page.more && pass.status !== status && pass.status !== 'paused')
    await setConnectionStatus(pool, key, {
      status,
      reason: guarded ? 'most-of-the-calendar-vanished' : null,
    });
  return {
    kind: 'page',
    more: page.more,
    status,
    cursorVersion: pass.cursorVersion,
    cursor: pass.cursor?.toString('base64') ?? null,
    checkpoint: pass.checkpoint?.toString('base64') ?? null,
    changes: page.added + page.changed + page.removed,
    pollIntervalMs: pass.settings.pollIntervalMs,
    safetyPollIntervalMs: pass.settings.safetyPollIntervalMs,
    mirrorsToDo: !page.more && (await mirrorsToDo(pool, key, 1)).length > 0,
  };
}

const windowOf = (deps: ActivityDependencies, pass: OpenPass) => ({
  startAt: pass.passStartedAt - KEEP_PAST_MS,
  endAt: pass.passStartedAt + deps.settings.horizonMs,
  fromAt: pass.passStartedAt - KEEP_PAST_MS,
  untilAt: pass.passStartedAt + deps.settings.horizonMs,
});

const idsOf = (pulled: Page, changes: readonly Change[]): string[] => [
  ...changes.flatMap((one) =>
    one.kind === 'removed' ? [one.nativeId] : [one.event.nativeId, one.event.seriesId ?? []].flat(),
  ),
  ...pulled.withheld.flatMap((one) => [one.nativeId, one.event?.seriesId ?? []].flat()),
];

const spanKey = (event: NeutralEvent): string => JSON.stringify([event.start, event.end]);

const hashOf = (event: NeutralEvent, withheldReason: string | null): string =>
  createHash('sha256')
    .update(canonicalEvent(event))
    .update(withheldReason ?? '')
    .digest('hex');

type Position = 'cursor' | 'checkpoint';
const placeOf = (key: ConnectionKey, what: Position) =>
  [key.tenantId, `connection.${what}`, key.connectionId] as const;

const opened = (
  deps: ActivityDependencies,
  place: ReturnType<typeof placeOf>,
  sealed: Buffer | null,
): string | null => sealed && deps.vault.open(place, sealed);

const sealed = (
  deps: ActivityDependencies,
  place: ReturnType<typeof placeOf>,
  plain: string | null,
): Buffer | null => (plain === null ? null : deps.vault.seal(place, plain));
