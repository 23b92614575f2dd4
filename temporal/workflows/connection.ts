import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
} from '@temporalio/workflow';
import type { ConnectionInput } from '../contracts/connection.ts';
import { channelActivities, ledger } from './connection-activities.ts';
import { askedMs, kindOf, reasonOf, statusOf, unlessBug } from './connection-failure.ts';
import { listen, type Told } from './connection-messages.ts';
import { historyIsLong, makePass, refOf } from './connection-pass.ts';
import { listenToOperators, restore } from './connection-restore.ts';
import { enter } from './connection-status.ts';

/*
 One outside calendar, for as long as it is connected: wait for a reason, write our bookings there,
 keep the watch, read the channel page by page, and start a new run before history grows long.
 A failing channel never fails the workflow.
*/

const RETRY_FIRST_MS = 5_000;
const RETRY_LONGEST_MS = 10 * 60_000;
const WATCH_RETRY_FIRST_MS = 60_000;
const WATCH_RETRY_LONGEST_MS = 60 * 60_000;
const MOST_PARTS = 400;

export async function connection(input: ConnectionInput): Promise<void> {
  const told = listen(input);
  listenToOperators(input, told);
  const { now } = told;
  while (!told.closing) {
    if (isEnough()) await startNewRun(input, told);
    await condition(() => hasReason(told) || isEnough(), untilNext(told));
    if (told.closing) break;
    if (isEnough()) continue;
    if (now.paused || now.restore) {
      await rest(input, told);
      continue;
    }
    const pass = new CancellationScope();
    told.interrupt = () => pass.cancel();
    try {
      await pass.run(() => attend(input, told));
    } catch (error) {
      await gaveWay(input, told, error);
    }
  }
  await CancellationScope.nonCancellable(() => disconnect(input, told));
}

/** Nothing is done for as long as a person wants it so, but a history may grow long meanwhile. */
async function rest(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  if (now.restore) await restore(input, told);
  if (now.status !== 'paused') await enter(input, told.now, { status: 'paused', reason: null });
  await condition(() => !now.paused || Boolean(now.restore) || told.closing || isEnough());
  if (now.paused || now.restore || told.closing) return;
  // Pages leave `paused` alone, since one may end after the pause; so it is lifted here.
  await enter(input, told.now, { status: 'lagging', reason: 'resumed' });
  now.dirty = true;
}

/** One turn: the new generation if one was asked for, mirrors, the watch, then the pass. */
async function attend(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  const { resync } = now;
  if (resync) {
    await ledger.beginGeneration(refOf(input));
    now.acceptRemovals = resync.acceptRemovals;
    if (now.resync === resync) now.resync = null;
    now.dirty = true;
  }
  if (now.mirrors) await writeMirrors(input, told);
  if (Date.now() >= now.renewWatchAt) await keepWatch(input, told);
  // A resync asked for meanwhile comes first: a pass made now would be taken for its answer.
  if (isDue(told) && !now.resync) await makePass(input, told);
}

/** What cannot be written now is brought up again by the sweeper; it keeps nothing from being read. */
async function writeMirrors(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  now.mirrors = false;
  try {
    const { left } = await channelActivities(input).carryOutMirrors(refOf(input));
    now.mirrors ||= left > 0;
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    // Reading tells whether the whole account is refused.
    if (kindOf(error) === 'unauthorized') now.dirty = true;
  }
}

/** Polling carries a connection whose watch cannot be had now, so this never ends a turn. */
async function keepWatch(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  try {
    const watch = await channelActivities(input).keepWatch(refOf(input));
    now.watched = watch.watched;
    now.dirty ||= watch.gap;
    now.watchFailures = 0;
    now.renewWatchAt = Math.max(watch.renewAt, Date.now() + WATCH_RETRY_FIRST_MS);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    const doubledMs = WATCH_RETRY_FIRST_MS * 2 ** Math.min(now.watchFailures, 10);
    now.watchFailures += 1;
    const waitMs = Math.max(Math.min(doubledMs, WATCH_RETRY_LONGEST_MS), askedMs(error));
    now.renewWatchAt = Date.now() + waitMs * (1 + Math.random() * 0.25);
  }
}

/** What the channel would not do: said in the row, tried again later. */
async function gaveWay(input: ConnectionInput, told: Told, error: unknown): Promise<void> {
  const { now } = told;
  if (isCancellation(error)) {
    // Of the whole run: it ends here, and the connection goes on with the run after it.
    if (CancellationScope.current().consideredCancelled) throw error;
    now.dirty = true;
    return;
  }
  if (!(error instanceof ActivityFailure) && !(error instanceof ApplicationFailure)) throw error;
  const kind = kindOf(error);
  now.dirty = true;
  now.failures += 1;
  told.served = told.asked;
  const doubledMs = RETRY_FIRST_MS * 2 ** Math.min(now.failures - 1, 10);
  const waitMs = Math.min(doubledMs, RETRY_LONGEST_MS) * (0.8 + Math.random() * 0.4);
  const restMs = askedMs(error) * (1 + Math.random() * 0.25);
  // A channel that says when to come back is believed; only one that is down is asked less and less.
  const isTurn = kind === 'rate-limited' && restMs > 0;
  now.nextPassAt = Date.now() + (isTurn ? restMs : Math.max(waitMs, restMs));
  await enter(input, told.now, { status: statusOf(kind), reason: reasonOf(error) });
}

async function disconnect(input: ConnectionInput, told: Told): Promise<void> {
  if (!told.gone) {
    if (told.removeMirrors) await removeMirrors(input).catch(unlessBug);
    // A channel that is down keeps nobody from leaving it; its watch ends by itself.
    await channelActivities(input).stopWatches(refOf(input)).catch(unlessBug);
    await enter(input, told.now, { status: 'disconnected', reason: null });
    await ledger.clearConnection(refOf(input));
  }
  told.closed = true;
  await condition(allHandlersFinished);
}

/** In parts, and of so many that no calendar needs more. */
async function removeMirrors(input: ConnectionInput): Promise<void> {
  for (let part = 0; part < MOST_PARTS; part += 1) {
    const { left } = await channelActivities(input).removeMirrors(refOf(input));
    if (left === 0) return;
  }
}

/** A handler may wait for the very turn that a new run would put off, so only when none does. */
const isEnough = (): boolean => historyIsLong() && allHandlersFinished();

/** What was told meanwhile is carried along. */
async function startNewRun(input: ConnectionInput, { now }: Told): Promise<void> {
  await continueAsNew<(input: ConnectionInput) => Promise<void>>({ ...input, carried: now });
}

function hasReason(told: Told): boolean {
  const { now } = told;
  if (told.closing || now.paused || now.restore || now.resync || told.asked > told.served)
    return true;
  // After a failure only time counts: notifications must not hurry a channel that asked for rest.
  return now.failures === 0 && (now.dirty || now.mirrors || now.renewWatchAt === 0);
}

function isDue(told: Told): boolean {
  const { now } = told;
  if (told.asked > told.served || Date.now() >= now.nextPassAt) return true;
  return now.dirty && now.failures === 0;
}

const untilNext = ({ now }: Told): number =>
  Math.max(Math.min(now.nextPassAt, now.renewWatchAt) - Date.now(), 1);
