import type { Client } from '@temporalio/client';
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
  /** Id of the change that is open. */
  openChange(ref: BookingRef): Promise<string | null>;
  /** A change that waits for a payment of which there is news. */
  waitingChange(ref: BookingRef): Promise<StartChange | null>;
  /** Decides about money that calls for a person and that no run waits with. */
  resolveMoney(
    input: BookingRef & { resolution: Resolution },
  ): Promise<'nothing' | 'resolved' | 'settle'>;
}

/** A person at a screen waits no longer for a verb. */
export const STEER_DEADLINE_MS = 25_000;

export const keyword = (name: keyof typeof SEARCH_ATTRIBUTES) =>
  defineSearchAttributeKey(SEARCH_ATTRIBUTES[name], 'KEYWORD');

export type Workflow<Input> = (input: Input) => Promise<unknown>;
