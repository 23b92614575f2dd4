import { defineSignal } from '@temporalio/workflow';
import type { BookingRef } from '../../src/commands.ts';
import type { Decision, Weighed } from '../../src/domain/conflict.ts';

/** There is news of the conflict: it is looked at again. */
export const conflictNewsSignal = defineSignal('conflict-news');

export interface ConflictRef extends BookingRef {
  changeId: string;
}

/** Store-only acts: they run as local activities. */
export interface ConflictActivities {
  /** Decides by the rule as soon as that says, and settles where nothing is left to decide. */
  weighConflict(input: ConflictRef): Promise<Weighed>;
  /** False when it was decided before. */
  decideConflict(input: ConflictRef & { keep: Decision; by: string }): Promise<boolean>;
  /** The same time on another unit, without cost; `none` where there is none. */
  moveAside(input: ConflictRef): Promise<'moved' | 'none'>;
}
