import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { BookingRef, ConnectionRef } from '../../src/commands.ts';
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
}

/** A person at a screen waits no longer for a verb. */
export const STEER_DEADLINE_MS = 25_000;

export const keyword = (name: keyof typeof SEARCH_ATTRIBUTES) =>
  defineSearchAttributeKey(SEARCH_ATTRIBUTES[name], 'KEYWORD');

export type Workflow<Input> = (input: Input) => Promise<unknown>;
