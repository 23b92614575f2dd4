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
export const disconnectUpdate = defineUpdate<ConnectionView>('disconnect');
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
      /** Mirrors that were never tried; those that failed are the sweeper's to bring up again. */
      mirrorsToDo: boolean;
    }
  /** The position was refused; the row has been set back, and the next page starts again. */
  | { kind: 'cursor-lost'; what: 'checkpoint' | 'cursor'; cursorVersion: number }
  | { kind: 'gone' };

export interface ConnectionActivities {
  pullPage(
    input: ConnectionRef & { fromVersion: number; acceptRemovals: boolean },
  ): Promise<PullResult>;
  /** `left` were not tried: there were more than one call carries out. */
  carryOutMirrors(input: ConnectionRef): Promise<{ written: number; left: number }>;
  keepWatch(input: ConnectionRef): Promise<{ watched: boolean; renewAt: number }>;
  stopWatches(input: ConnectionRef): Promise<void>;
}

export interface ConnectionLedgerActivities {
  recordStatus(
    input: ConnectionRef & { status: ConnectionStatus; reason: string | null },
  ): Promise<void>;
  beginGeneration(input: ConnectionRef): Promise<void>;
  clearConnection(input: ConnectionRef): Promise<void>;
}
