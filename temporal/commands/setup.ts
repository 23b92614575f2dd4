import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, type Client } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { BookingRef, ConnectionRef, Resolution, StartChange } from '../../src/commands.ts';
import type { BookingState } from '../../src/domain/booking.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/names.ts';

/** What commands are made of. */
export interface CommandSetup {
  client: Client;
  taskQueue: string;
  lookups: CommandLookups;
}

/** The rows a command looks at first; `src/store/lookups.ts` reads them. */
export interface CommandLookups {
  connection(ref: ConnectionRef): Promise<{ channel: string; resourceId: string } | null>;
  bookingState(ref: BookingRef): Promise<BookingState | null>;
  /** When a hold ends by an extension that was made (RFC 3339); null where it was not. */
  extendedTo(ref: BookingRef & { extensionId: string }): Promise<string | null>;
  /** Id of the change that is open. */
  openChange(ref: BookingRef): Promise<string | null>;
  /** Changes whose runs may be stuck at a step. */
  changesAtWork(ref: BookingRef): Promise<StartChange[]>;
  /** A change that waits for a payment of which there is news. */
  waitingChange(ref: BookingRef): Promise<StartChange | null>;
  /** Decides about what calls for a person and no run waits with. */
  resolveMoney(
    input: BookingRef & { resolution: Resolution },
  ): Promise<'nothing' | 'resolved' | 'settle'>;
}

/** A person at a screen waits no longer for a verb. */
export const STEER_DEADLINE_MS = 25_000;

export const keyword = (name: keyof typeof SEARCH_ATTRIBUTES) =>
  defineSearchAttributeKey(SEARCH_ATTRIBUTES[name], 'KEYWORD');

export type Workflow<Input> = (input: Input) => Promise<unknown>;

const FAILED_PRECONDITION = 9;
const AGAIN_MS = { first: 20, most: 1_000 };

/**
 * Asks until the deadline, and again where the task that was to take the question failed. One that
 * would end its run as other news arrive fails by design (`UnhandledCommand`), and what it was asked
 * is lost with it, though its next attempt goes through.
 */
export async function askPatiently<T>(
  client: Client,
  timeoutMs: number,
  ask: () => Promise<T>,
): Promise<T> {
  const deadlineAt = Date.now() + timeoutMs;
  for (let pauseMs = AGAIN_MS.first; ; pauseMs = Math.min(2 * pauseMs, AGAIN_MS.most)) {
    try {
      return await client.withDeadline(deadlineAt, ask);
    } catch (error) {
      if (!isTaskFailure(error) || Date.now() + pauseMs >= deadlineAt) throw error;
      await sleep(pauseMs);
    }
  }
}

const isTaskFailure = (error: unknown): boolean =>
  (isGrpcServiceError(error) && Number(error.code) === FAILED_PRECONDITION) ||
  (error instanceof Error && error.cause !== undefined && isTaskFailure(error.cause));
