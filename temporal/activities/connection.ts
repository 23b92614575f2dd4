import { cancellationSignal } from '@temporalio/activity';
import type { Channel, Pulled } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { ListingReason } from '../../src/domain/repair.ts';
import {
  dropCheckpoint,
  setConnectionStatus,
  startGeneration,
} from '../../src/store/connection-status.ts';
import { mirrorsNotTried } from '../../src/store/mirrors.ts';
import { takeWindowTry } from '../../src/store/polling.ts';
import { beginListing } from '../../src/store/repairs.ts';
import { openPass, type ConnectionKey, type OpenPass } from '../../src/store/sync.ts';
import type { ConnectionActivities, PullResult } from '../contracts/connection.ts';
import { callChannel, inTurn } from './call-channel.ts';
import { asLoss, checkCalendars } from './calendars.ts';
import { tellConflicts } from './conflict.ts';
import { applyPulled, planAhead } from './connection-page.ts';
import { compareCopy, wantedListing } from './connection-repair.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { isWatched, onePollMs, settlePoll } from './pace.ts';
import { slackMs, windowToAsk, type Page } from './pulled-page.ts';
import { readAhead, takeAhead } from './read-ahead.ts';

type PullInput = Parameters<ConnectionActivities['pullPage']>[0];

/**
 * Reads one page of a channel and makes it true here, exactly once: a retry finds the version
 * advanced and answers what the first attempt stored.
 */
export const pullPage = (deps: ActivityDependencies, input: PullInput): Promise<PullResult> =>
  inTurn(() => pullOne(deps, input));

async function pullOne(deps: ActivityDependencies, input: PullInput): Promise<PullResult> {
  const { pool } = deps.database;
  const found = await openPass(pool, input);
  if (!found) return { kind: 'gone' };
  if (found.lastPage?.fromVersion === input.fromVersion && found.cursorVersion > input.fromVersion)
    return answer(deps, input, found);
  // The channel's word about the watch comes first: while that lasts nobody notifies.
  if (input.careFirst && found.watchWanted && found.checkpoint === null)
    return { kind: 'watch-wanted' };

  const pass = await begun(deps, input, found);
  const pulled = await pull(deps, input, pass);
  if (pulled.kind === 'cursor-lost') {
    const setBack = pulled.what === 'cursor' ? startGeneration : dropCheckpoint;
    const cursorVersion = await setBack(pool, input);
    return { kind: 'cursor-lost', what: pulled.what, cursorVersion };
  }
  const checkpoint = sealed(deps, placeOf(input, 'checkpoint'), pulled.checkpoint);
  if (pulled.more) readNext(deps, input, { pass, pulled, checkpoint });
  await applyPulled(deps, input, {
    pass,
    pulled,
    cursor: sealed(deps, placeOf(input, 'cursor'), pulled.nextCursor),
    checkpoint,
  });
  if (!pulled.more) {
    await tellConflicts(deps, input);
    await checkCalendars(deps, { ...input, pass });
  }
  const after = await openPass(pool, { ...input, fromVersion: null });
  return after ? answer(deps, input, after) : { kind: 'gone' };
}

async function pull(deps: ActivityDependencies, key: PullInput, pass: OpenPass): Promise<Pulled> {
  // A listing beside a position that still serves: it may fail without costing that position.
  const isBeside = pass.repair.listingFor !== null && pass.cursor !== null;
  try {
    const pulled = (await takeAhead(deps, pageOf(deps, key, pass))) ?? (await ask(deps, key, pass));
    return isBeside && pulled.kind === 'cursor-lost' ? GIVE_UP_LISTING : pulled;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const canWait = isBeside && pass.repair.listingFor !== 'absence';
    if (canWait && !HOLDS_FOR_ALL.includes(error.kind)) return GIVE_UP_LISTING;
    throw await asLoss(deps, { ...key, pass }, error);
  }
}

const ask = (deps: ActivityDependencies, key: PullInput, pass: OpenPass): Promise<Pulled> =>
  callChannel(deps, { ...key, ...pass }, (access) =>
    providerOf(deps.channels, pass.channel as Channel).pull({
      access,
      calendar: { id: pass.calendarId, timeZone: pass.timeZone },
      cursor: pass.repair.listingFor ? null : opened(deps, placeOf(key, 'cursor'), pass.cursor),
      checkpoint: opened(deps, placeOf(key, 'checkpoint'), pass.checkpoint),
      window: windowToAsk(deps, pass),
      nowAt: deps.now(),
      signal: cancellationSignal(),
    }),
  );

/** Reads the page after this one while this one is applied, as the next call will ask for it. */
function readNext(
  deps: ActivityDependencies,
  key: PullInput,
  { pass, pulled, checkpoint }: { pass: OpenPass; pulled: Page; checkpoint: Buffer | null },
): void {
  if (!providerOf(deps.channels, pass.channel as Channel).supports.readAhead) return;
  const standing = { ...pass, checkpoint, cursorVersion: pass.cursorVersion + 1 };
  const next = pulled.kind === 'snapshot' ? standing : withListing(standing, null);
  readAhead(deps, pageOf(deps, key, next), async () => {
    const page = await ask(deps, key, next);
    if (page.kind !== 'cursor-lost') await planAhead(deps, { pass: next, pulled: page });
    return page;
  });
}

const pageOf = (deps: ActivityDependencies, key: ConnectionKey, pass: OpenPass) => ({
  tenantId: key.tenantId,
  connectionId: key.connectionId,
  version: pass.cursorVersion,
  checkpoint: opened(deps, placeOf(key, 'checkpoint'), pass.checkpoint) ?? '',
});

const GIVE_UP_LISTING = { kind: 'cursor-lost', what: 'checkpoint' } as const;
/** Kinds of failure that the position which still serves would meet as well. */
const HOLDS_FOR_ALL = ['unauthorized', 'rate-limited'];
/** A channel's next stretch of time is asked for weeks before it is needed, once in this time. */
const WINDOW_TRY_EVERY_MS = 86_400_000;

/** A pass as it goes on, or begins: as a complete listing where there is a reason for one. */
async function begun(
  deps: ActivityDependencies,
  key: PullInput,
  pass: OpenPass,
): Promise<OpenPass> {
  const { listingFor: before, wanted } = pass.repair;
  if (pass.checkpoint !== null) return pass.fullPass ? pass : withListing(pass, null);
  const reason = await listingDue(deps, key, pass);
  if (reason !== before || wanted !== null)
    await beginListing(deps.database.pool, key, { reason, nowAt: deps.now() });
  return withListing(pass, reason);
}

const withListing = (pass: OpenPass, listingFor: ListingReason | null): OpenPass => ({
  ...pass,
  repair: { ...pass.repair, listingFor },
});

async function listingDue(
  deps: ActivityDependencies,
  key: PullInput,
  pass: OpenPass,
): Promise<ListingReason | null> {
  if (pass.cursor === null) return 'anew';
  const { supports } = providerOf(deps.channels, pass.channel as Channel);
  const nowAt = deps.now();
  const { missingSinceAt, coversUntilAt } = pass;
  // What the channel stopped listing is believed or not at a second complete listing.
  const waitMs = Math.max(supports.absenceConfirmMs, onePollMs(deps, pass));
  if (key.acceptRemovals || (missingSinceAt !== null && nowAt - missingSinceAt >= waitMs))
    return 'absence';
  const wanted = wantedListing(deps, pass);
  if (wanted) return wanted;
  const neededAt = nowAt + deps.settings.horizonMs + slackMs(key.connectionId);
  if (coversUntilAt === null || coversUntilAt >= neededAt) return null;
  const turn = { nowAt, everyMs: WINDOW_TRY_EVERY_MS };
  return (await takeWindowTry(deps.database.pool, key, turn)) ? 'window' : null;
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
    pollIntervalMs: await settlePoll(deps, key, pass),
    safetyPollIntervalMs: pass.settings.safetyPollIntervalMs,
    watched: isWatched(deps, pass),
    watchWanted: pass.watchWanted,
    mirrorsToDo: !page.more && (await mirrorsNotTried(pool, key)) > 0,
    againMs: page.more || guarded ? null : await compareCopy(deps, key, pass),
  };
}

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
