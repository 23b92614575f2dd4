import { z } from 'zod';
import { PASS_KINDS } from '../../store/history-of-events.ts';
import { answerSchemas, Instant, InstantOut, pageOf, requestSchemas } from './common.ts';

/** What passes changed, and going back to before them. */
export const Restore = z
  .strictObject({
    at: Instant.describe('The moment whose entries become current again; not in the future.'),
  })
  .register(requestSchemas, { id: 'Restore' });

export const Pass = z
  .object({
    position: z
      .int()
      .describe("The feed's position after it; entries it brought have `feedPosition` up to this."),
    fromPosition: z.int().describe('The position before it.'),
    kind: z
      .enum(PASS_KINDS)
      .describe(
        '`changes` since the last pass; a complete `listing`; a `repair`, which is a listing that was compared with our copy; or a `restore` by a person.',
      ),
    startedAt: InstantOut,
    endedAt: InstantOut,
    added: z.int(),
    changed: z.int(),
    removed: z.int(),
    renamed: z.int().describe('Entries that came back under another id, taking the same time.'),
    spans: z.int().describe('Busy spans made anew although no entry changed.'),
    heldBack: z.int().describe('Entries no longer listed that still block.'),
    anomaly: z
      .object({ lost: z.int(), of: z.int() })
      .nullable()
      .describe(
        'Set where the channel itself took back most of what lay ahead: so many occurrences of so many.',
      ),
    links: z.object({ changes: z.string() }),
  })
  .register(answerSchemas, { id: 'Pass' });
export const PassPage = pageOf(Pass, 'PassPage');

const Version = z.object({
  startAt: InstantOut.nullable(),
  endAt: InstantOut.nullable(),
  allDay: z.boolean(),
  recurring: z.boolean(),
  status: z.enum(['confirmed', 'tentative', 'cancelled']),
  transparency: z.enum(['opaque', 'transparent']),
});

export const PassChange = z
  .object({
    nativeId: z.string(),
    before: Version.nullable().describe('Null where the pass added it.'),
    after: Version.nullable().describe('Null where the pass removed it.'),
  })
  .register(answerSchemas, { id: 'PassChange' });
export const PassChangePage = pageOf(PassChange, 'PassChangePage');
