import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { BookingRef, ChangeAnswer, StartChange } from '../../src/commands.ts';

/** What a change's workflow is started with: all of its row, so that it can be resumed from there. */
export type ChangeInput = StartChange;

/** Answers as soon as it is known what came of the change, or what it waits for. */
export const changeUpdate = defineUpdate<ChangeAnswer>('change');
/** What a person decided about a conflict; false when it was decided before. */
export const decideUpdate = defineUpdate<boolean, [{ keep: 'ours' | 'theirs'; by?: string }]>(
  'decide',
);
export const changeStatusQuery = defineQuery<{ kind: ChangeInput['kind']; step: string }>('status');

/** How a change ended; kept in its row, by kind. No guest, no secret. */
export type ChangeOutcome = Readonly<Record<string, string | number | boolean | null>>;

export type OpenedChange =
  | { kind: 'opened' }
  /** Another one of this booking is open. */
  | { kind: 'busy'; changeId: string }
  /** This one ended before, with this answer. */
  | { kind: 'over'; answer: ChangeAnswer };

/** Store-only acts on the change's own row. */
export interface ChangeRowActivities {
  /** Opens the booking's one open change, or says which other one is open. Repeating it is safe. */
  openChange(input: ChangeInput): Promise<OpenedChange>;
  /** Keeps the first answer, for whoever asks for the same change again. */
  closeChange(
    input: BookingRef & { changeId: string; answer: ChangeAnswer; outcome: ChangeOutcome },
  ): Promise<void>;
}
