import { HoldfastError } from './error.ts';
import type { BookingOutcome, BookingRun, ConnectionRun } from './types.ts';

/** The part of `@temporalio/client`'s `Client` that is used; any version that has it will do. */
export interface TemporalClient {
  workflow: {
    getHandle(workflowId: string): {
      query<T>(name: string): Promise<T>;
      result(): Promise<unknown>;
    };
  };
}

/** A booking's workflow, to look at; what changes a booking goes through the API. */
export interface FollowedBooking {
  workflowId: string;
  status(): Promise<BookingRun>;
  /** Resolves when it is confirmed and captured, or given up. */
  outcome(): Promise<BookingOutcome>;
}

export interface FollowedConnection {
  workflowId: string;
  status(): Promise<ConnectionRun>;
}

/** An answer of the API, which names its workflow. */
interface Linked {
  links: { workflowId: string };
}

export function followBooking(client: TemporalClient | undefined, of: Linked): FollowedBooking {
  const { workflowId, handle } = handleOf(client, of);
  return {
    workflowId,
    status: () => handle.query<BookingRun>('status'),
    outcome: async () => (await handle.result()) as BookingOutcome,
  };
}

export function followConnection(
  client: TemporalClient | undefined,
  of: Linked,
): FollowedConnection {
  const { workflowId, handle } = handleOf(client, of);
  return { workflowId, status: () => handle.query<ConnectionRun>('status') };
}

function handleOf(client: TemporalClient | undefined, { links: { workflowId } }: Linked) {
  if (client) return { workflowId, handle: client.workflow.getHandle(workflowId) };
  throw new HoldfastError({
    type: 'no-temporal',
    status: 0,
    title: 'There is no Temporal client',
    detail: 'Give createHoldfastClient a `temporal: { client }` to follow workflows.',
  });
}
