import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ConnectionRef } from '../../src/commands.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';

/** What the connection workflow is told, and what it carries from run to run. */
export interface ConnectionInput extends ConnectionRef {
  v: 1;
  /** Of the row; fixed for the connection's life. */
  channel: string;
  resourceId: string;
  taskQueue: string;
  /** Carried by continue-as-new; absent in the first run. */
  carried?: ConnectionCarried;
}

/** Durable state: small, and sealed where it is anybody's. The row wins where they differ. */
export interface ConnectionCarried {
  status: ConnectionStatus;
  /** The one the search attribute says. */
  shownStatus: ConnectionStatus;
  dirty: boolean;
  mirrors: boolean;
  paused: boolean;
  /** A new generation that a person asked for and that has not begun. */
  resync: { acceptRemovals: boolean } | null;
  /** Until the end of the next pass. */
  acceptRemovals: boolean;
  /** A moment (RFC 3339) that a person wants the copy set back to, and that was not reached yet. */
  restore?: { at: string } | null;
  /** Steps of a repeated look after a notification whose change was not visible yet. */
  recheck: number;
  failures: number;
  cursorVersion: number;
  /** Sealed, base64. */
  cursor: string | null;
  checkpoint: string | null;
  watched: boolean;
  /** Failed attempts to be watched, in a row. */
  watchFailures: number;
  /** Epoch milliseconds. */
  nextPassAt: number;
  renewWatchAt: number;
  passes: number;
}

export interface ConnectionView {
  status: ConnectionStatus;
  paused: boolean;
  passes: number;
  failures: number;
  cursorVersion: number;
  watched: boolean;
  nextPassAt: string;
}

export const notifySignal =
  defineSignal<[{ what: 'change' | 'mirror' | 'reauthorized' }]>('notify');
export const pauseUpdate = defineUpdate<ConnectionView>('pause');
export const resumeUpdate = defineUpdate<ConnectionView>('resume');
/** Answers when a pass that began after the call is complete. */
export const syncNowUpdate = defineUpdate<ConnectionView>('syncNow');
export const resyncUpdate = defineUpdate<ConnectionView, [{ acceptRemovals: boolean }]>('resync');
/** Believes that what the channel no longer lists is gone, as a new complete listing finds it. */
export const acceptRemovalsUpdate = defineUpdate<ConnectionView>('acceptRemovals');
/** Keeps what the channel no longer lists; a complete listing one wait from now decides anew. */
export const refuseRemovalsUpdate = defineUpdate<ConnectionView & { kept: number }>(
  'refuseRemovals',
);
/**
 * Sets the copy back to how it was at a moment (RFC 3339) and pauses, so that it stays until a
 * resume reads everything anew.
 */
export const restoreUpdate = defineUpdate<ConnectionView, [{ at: string }]>('restore');
export const disconnectUpdate = defineUpdate<
  ConnectionView,
  [{ removeMirrors: boolean } | undefined]
>('disconnect');
export const statusQuery = defineQuery<ConnectionView>('status');

export type PullResult =
  | {
      kind: 'page';
      more: boolean;
      status: ConnectionStatus;
      cursorVersion: number;
      cursor: string | null;
      checkpoint: string | null;
      changes: number;
      /** How long until the next look when nobody notifies; depends on whether it is watched. */
      pollIntervalMs: number;
      safetyPollIntervalMs: number;
      watched: boolean;
      /** The channel said that the watch is gone or needs to be extended. */
      watchWanted: boolean;
      /** Mirrors that were never tried; those that failed are the sweeper's to bring up again. */
      mirrorsToDo: boolean;
      /** Look again so soon: our copy is being compared with the channel. Null where it is not. */
      againMs?: number | null;
    }
  /** Nothing was read: the watch has to be cared for before. */
  | { kind: 'watch-wanted' }
  /** The position was refused; the row has been set back, and the next page starts again. */
  | { kind: 'cursor-lost'; what: 'checkpoint' | 'cursor'; cursorVersion: number }
  | { kind: 'gone' };

export interface ConnectionActivities {
  /** `careFirst`: a pass does not begin while the channel wants its watch cared for. */
  pullPage(
    input: ConnectionRef & { fromVersion: number; acceptRemovals: boolean; careFirst?: boolean },
  ): Promise<PullResult>;
  /** `left` were not tried: there were more than one call carries out. */
  carryOutMirrors(input: ConnectionRef): Promise<{ written: number; left: number }>;
  /** `gap`: for a while nobody listened, so what changed meanwhile has to be looked for. */
  keepWatch(input: ConnectionRef): Promise<{ watched: boolean; renewAt: number; gap: boolean }>;
  /** Takes what is ours out of the calendar; `left` as above. */
  removeMirrors(input: ConnectionRef): Promise<{ written: number; left: number }>;
  stopWatches(input: ConnectionRef): Promise<void>;
  /** Makes the entries current that were so at a moment; the next pass reads everything. */
  restoreEvents(input: ConnectionRef & { at: string }): Promise<{ changes: number }>;
}

export interface ConnectionLedgerActivities {
  recordStatus(
    input: ConnectionRef & { status: ConnectionStatus; reason: string | null },
  ): Promise<void>;
  beginGeneration(input: ConnectionRef): Promise<void>;
  refuseRemovals(input: ConnectionRef): Promise<{ kept: number }>;
  clearConnection(input: ConnectionRef): Promise<void>;
}
