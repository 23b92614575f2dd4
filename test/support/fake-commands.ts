import type { Commands, StartBooking } from '../../src/commands.ts';
import type { Database } from '../../src/store/database.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { decideConflict } from '../../src/store/conflicts.ts';
import { holdUnits } from '../../src/store/holds.ts';

export interface FakeCommands extends Commands {
  /** What was asked, in order: verb and id. */
  asked: string[];
  started: StartBooking[];
}

/** Workflows that hold at once and then do nothing; any verb can be replaced by a test. */
export function fakeCommands(database: Database, own: Partial<Commands> = {}): FakeCommands {
  const asked: string[] = [];
  const started: StartBooking[] = [];
  return {
    asked,
    started,
    async startBooking(input) {
      started.push(input);
      return holdUnits(database.pool, input);
    },
    awaitBooking: async ({ bookingId }) => void asked.push(`await ${bookingId}`),
    async confirmBooking(input) {
      asked.push(`confirm ${input.bookingId}`);
      const { kind } = await commitBooking(database.pool, input);
      return { kind: kind === 'confirmed' ? kind : 'no-such-booking' };
    },
    async giveUpBooking({ bookingId, tenantId, reason }) {
      asked.push(`cancel ${bookingId}`);
      const release = 'SELECT release_booking($1, $2, $3, $4)';
      await database.pool.query(release, [tenantId, bookingId, 'cancelled', reason]);
      return { kind: 'cancelled' };
    },
    extendHold: async ({ bookingId }) => {
      asked.push(`extend ${bookingId}`);
      return { kind: 'not-extendable', reason: 'no-rule' };
    },
    paymentNews: async ({ bookingId }) => asked.push(`news ${bookingId}`) > 0,
    async resolveBooking({ bookingId, resolution }) {
      asked.push(`${resolution.kind} ${bookingId}`);
      return { kind: 'nothing-to-resolve' };
    },
    async changeBooking({ bookingId, kind }) {
      asked.push(`${kind} ${bookingId}`);
      return { kind: 'done' };
    },
    async decideConflict({ change, keep, by }) {
      asked.push(`keep ${keep} ${change.changeId}`);
      return decideConflict(database.pool, { ...change, keep, by });
    },
    settleBooking: async ({ bookingId }) => void asked.push(`settle ${bookingId}`),
    resumeChange: async ({ changeId }) => void asked.push(`resume ${changeId}`),
    startConnection: async ({ connectionId }) => void asked.push(`connect ${connectionId}`),
    requestSync: async ({ connectionId }) => void asked.push(`sync ${connectionId}`),
    requestMirror: async ({ connectionId }) => void asked.push(`mirror ${connectionId}`),
    reauthorized: async ({ connectionId }) => void asked.push(`reauthorized ${connectionId}`),
    async steerConnection({ connectionId, verb }) {
      asked.push(`${verb.kind} ${connectionId}`);
    },
    ping: async () => undefined,
    ...own,
  };
}
