import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
} from '@temporalio/workflow';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import type { ConnectionInput } from '../contracts/connection.ts';
import { channelActivities, ledger } from './connection-activities.ts';
import { listen, type Told } from './connection-messages.ts';
import { historyIsLong, makePass, refOf } from './connection-pass.ts';
import { showStatus } from './connection-status.ts';

/*
 One outside calendar, for as long as it is connected: wait for a reason, write our bookings there,
 keep the watch, read the channel page by page, and start a new run before history grows long.
 A failing channel never fails the workflow.
*/

const RETRY_FIRST_MS = 5_000;
const RETRY_LONGEST_MS = 10 * 60_000;
const WATCH_RETRY_MS = 60_000;

export async function connection(input: ConnectionInput): Promise<void> {
  const told = listen(input);
  const { now } = told;
  while (!told.closing) {
    if (historyIsLong()) await startNewRun(input, told);
    await condition(() => hasReason(told), untilNext(told));
    if (told.closing) break;
    if (now.paused) {
      await enter(input, told, { status: 'paused', reason: null });
      await condition(() => !now.paused || told.closing);
      if (told.closing) break;
      // Pages leave `paused` alone, since one may end after the pause; so it is lifted here.
      await enter(input, told, { status: 'lagging', reason: 'resumed' });
      now.dirty = true;
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

/** One turn: the new generation if one was asked for, mirrors, the watch, then the pass. */
async function attend(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  const { carryOutMirrors } = channelActivities(input);
  if (told.resync) {
    told.acceptRemovals = told.resync.acceptRemovals;
    told.resync = null;
    now.dirty = true;
    await ledger.beginGeneration(refOf(input));
  }
  if (now.mirrors) {
    now.mirrors = false;
    await carryOutMirrors(refOf(input));
  }
  if (Date.now() >= now.renewWatchAt) await keepWatch(input, told);
  if (isDue(told)) await makePass(input, told);
}

/** Polling carries a connection whose watch cannot be had now, so this never ends a turn. */
async function keepWatch(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  try {
    const watch = await channelActivities(input).keepWatch(refOf(input));
    now.watched = watch.watched;
    now.renewWatchAt = watch.renewAt;
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    now.watched = false;
    now.renewWatchAt = Date.now() + WATCH_RETRY_MS;
  }
}

/** What the channel would not do: said in the row, tried again later. */
async function gaveWay(input: ConnectionInput, told: Told, error: unknown): Promise<void> {
  const { now } = told;
  if (isCancellation(error)) {
    now.dirty = true;
    told.closing ||= !now.paused;
    return;
  }
  const failure = error instanceof ActivityFailure ? error.cause : error;
  if (!(error instanceof ActivityFailure) && !(error instanceof ApplicationFailure)) throw error;
  const kind = (failure instanceof ApplicationFailure && failure.type) || 'unavailable';
  now.dirty = true;
  now.failures += 1;
  told.served = told.asked;
  const waitMs = Math.min(RETRY_FIRST_MS * 2 ** (now.failures - 1), RETRY_LONGEST_MS);
  now.nextPassAt = Date.now() + waitMs * (0.8 + Math.random() * 0.4);
  await enter(input, told, { status: STATUS_OF[kind] ?? 'lagging', reason: kind });
}

const STATUS_OF: Partial<Record<string, ConnectionStatus>> = {
  unauthorized: 'needs-reauthorization',
  'not-found': 'failing',
  invalid: 'failing',
  conflict: 'failing',
  'cursor-lost': 'failing',
};

async function disconnect(input: ConnectionInput, told: Told): Promise<void> {
  if (!told.gone) {
    // A channel that is down keeps nobody from leaving it; its watch ends by itself.
    await channelActivities(input).stopWatches(refOf(input)).catch(unlessBug);
    await enter(input, told, { status: 'disconnected', reason: null });
    await ledger.clearConnection(refOf(input));
  }
  told.closed = true;
  await condition(allHandlersFinished);
}

function unlessBug(error: unknown): void {
  if (!(error instanceof ActivityFailure)) throw error;
}

/** Only when nobody waits for an answer; what was told meanwhile is carried along. */
async function startNewRun(input: ConnectionInput, told: Told): Promise<void> {
  if (told.asked > told.served || told.resync) return;
  await condition(allHandlersFinished);
  if (told.asked > told.served || told.resync || told.closing) return;
  await continueAsNew<(input: ConnectionInput) => Promise<void>>({ ...input, carried: told.now });
}

function hasReason(told: Told): boolean {
  const { now } = told;
  if (told.closing || now.paused || told.resync || told.asked > told.served) return true;
  // After a failure only time counts: notifications must not hurry a channel that asked for rest.
  return now.failures === 0 && (now.dirty || now.mirrors);
}

function isDue(told: Told): boolean {
  const { now } = told;
  if (told.asked > told.served || Date.now() >= now.nextPassAt) return true;
  return now.dirty && now.failures === 0;
}

const untilNext = ({ now }: Told): number =>
  Math.max(Math.min(now.nextPassAt, now.renewWatchAt) - Date.now(), 1);

async function enter(
  input: ConnectionInput,
  told: Told,
  next: { status: ConnectionStatus; reason: string | null },
): Promise<void> {
  await ledger.recordStatus({ ...refOf(input), ...next });
  told.now.status = next.status;
  showStatus(input, told.now);
}
