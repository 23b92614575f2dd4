import { cancellationSignal } from '@temporalio/activity';
import type { Channel, Pulled } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import {
  dropCheckpoint,
  setConnectionStatus,
  startGeneration,
} from '../../src/store/connection-status.ts';
import { mirrorsNotTried } from '../../src/store/mirrors.ts';
import { openPass, type ConnectionKey, type OpenPass } from '../../src/store/sync.ts';
import type { ConnectionActivities, PullResult } from '../contracts/connection.ts';
import { callChannel, inTurn } from './call-channel.ts';
import { applyPulled } from './connection-page.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { windowOf } from './pulled-page.ts';

type PullInput = Parameters<ConnectionActivities['pullPage']>[0];

/**
 * Reads one page of a channel and makes it true here, exactly once: a retry finds the version
 * advanced and answers what the first attempt stored.
 */
export const pullPage = (deps: ActivityDependencies, input: PullInput): Promise<PullResult> =>
  inTurn(() => pullOne(deps, input));

async function pullOne(deps: ActivityDependencies, input: PullInput): Promise<PullResult> {
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
  await applyPulled(deps, input, {
    pass,
    pulled,
    cursor: sealed(deps, placeOf(input, 'cursor'), pulled.nextCursor),
    checkpoint: sealed(deps, placeOf(input, 'checkpoint'), pulled.checkpoint),
  });
  const after = await openPass(pool, { ...input, fromVersion: pass.cursorVersion });
  return after ? answer(deps, input, after) : { kind: 'gone' };
}

async function pull(deps: ActivityDependencies, key: PullInput, pass: OpenPass): Promise<Pulled> {
  const provider = providerOf(deps.channels, pass.channel as Channel);
  const missingMs = pass.missingSinceAt === null ? -1 : deps.now() - pass.missingSinceAt;
  const { fromAt: startAt, untilAt: endAt } = windowOf(deps, pass);
  // What the channel stopped listing is believed or not at a second complete listing.
  const lookAgain =
    key.acceptRemovals ||
    missingMs >= Math.max(provider.supports.absenceConfirmMs, pass.settings.pollIntervalMs);
  const listAll = pass.checkpoint === null ? lookAgain : pass.fullPass;
  return callChannel(deps, { ...key, ...pass }, (access) =>
    provider.pull({
      access,
      calendar: { id: pass.calendarId, timeZone: pass.timeZone },
      cursor: listAll ? null : opened(deps, placeOf(key, 'cursor'), pass.cursor),
      checkpoint: opened(deps, placeOf(key, 'checkpoint'), pass.checkpoint),
      window: { startAt, endAt },
      nowAt: deps.now(),
      signal: cancellationSignal(),
    }),
  );
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
    mirrorsToDo: !page.more && (await mirrorsNotTried(pool, key)) > 0,
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
