import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { ConnectionRef } from '../../src/commands.ts';
import { EARLIEST_LOOK } from '../../src/domain/connection.ts';
import type { ConnectionInput } from '../contracts/connection.ts';
import { channelActivities } from './connection-activities.ts';
import type { Told } from './connection-messages.ts';
import { showStatus } from './connection-status.ts';

const HISTORY_LIMIT = 500;
const RESETS_PER_PASS = 2;
/** A notification may come before its change can be read. */
const RECHECK_AFTER_MS = [2_000, 10_000];

/** From the cursor to the end of what the channel has, one activity a page. */
export async function makePass(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  const { pullPage } = channelActivities(input);
  const wasNotified = now.dirty || now.recheck > 0;
  const asked = told.asked;
  now.dirty = false; // Before working: what is notified from here on causes one more pass.
  let changes = 0;
  let resets = 0;
  for (;;) {
    const { acceptRemovals } = now;
    const page = await pullPage({
      ...refOf(input),
      fromVersion: now.cursorVersion,
      acceptRemovals,
      // A watch that could not be had, or is wanted again and again, keeps nothing from being read.
      careFirst: now.watchFailures === 0 && !told.cared,
    });
    if (page.kind === 'watch-wanted') {
      told.cared = true;
      now.renewWatchAt = 0;
      now.dirty = true;
      return;
    }
    if (page.kind === 'gone') {
      told.closing = true;
      told.gone = true;
      return;
    }
    now.cursorVersion = page.cursorVersion;
    if (page.kind === 'cursor-lost') {
      resets += 1;
      if (resets > RESETS_PER_PASS) throw ApplicationFailure.create({ type: 'cursor-lost' });
      continue;
    }
    now.cursor = page.cursor;
    now.checkpoint = page.checkpoint;
    changes += page.changes;
    if (page.more && historyIsLong()) {
      now.dirty = true; // The checkpoint is kept: the next run goes on from this page.
      return;
    }
    if (page.more) continue;

    now.mirrors ||= page.mirrorsToDo;
    now.watched = page.watched;
    if (page.watchWanted) now.renewWatchAt = 0;
    now.recheck = wasNotified && changes === 0 ? (now.recheck + 1) % 3 : 0;
    const intervalMs = now.watched ? page.safetyPollIntervalMs : page.pollIntervalMs;
    const recheckMs = now.recheck > 0 ? RECHECK_AFTER_MS[now.recheck - 1] : undefined;
    // Spread, so that connections made together do not poll together for ever, but never late.
    const spread = () => EARLIEST_LOOK + Math.random() * (1 - EARLIEST_LOOK);
    const waitMs = recheckMs ?? intervalMs * spread();
    now.nextPassAt = Date.now() + Math.min(waitMs, page.againMs ?? waitMs);
    now.passes += 1;
    now.failures = 0;
    now.status = page.status;
    now.acceptRemovals = false;
    told.served = asked;
    told.cared = false;
    showStatus(input, now);
    return;
  }
}

export const historyIsLong = (): boolean =>
  workflowInfo().historyLength > HISTORY_LIMIT || workflowInfo().continueAsNewSuggested;

export const refOf = ({ tenantId, connectionId }: ConnectionInput): ConnectionRef => ({
  tenantId,
  connectionId,
});
