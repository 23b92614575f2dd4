import { z } from 'zod';
import { MIRROR_ATTENTIONS } from '../../domain/mirror.ts';
import { MIRROR_STATES } from '../show-mirror.ts';
import { answerSchemas, InstantOut, pageOf } from './common.ts';

export const Mirror = z
  .object({
    id: z.string().describe('Of the booking, hold or block that it stands for.'),
    of: z.enum(['booking', 'hold', 'block']),
    connectionId: z.string(),
    startAt: InstantOut,
    endAt: InstantOut,
    wanted: z.enum(['present', 'absent']),
    status: z.enum(['confirmed', 'tentative']),
    state: z
      .enum(MIRROR_STATES)
      .describe(
        '`waiting` to be written, `failing` to be, `written`, `doubted` because the channel said something else, `needs-attention` because a person has to look, or `removed`.',
      ),
    failure: z.string().nullable().describe("The channel's machine code of the last failure."),
    attempts: z.int(),
    attention: z
      .enum(MIRROR_ATTENTIONS)
      .nullable()
      .describe(
        'Nothing is written there until our event is as it was, `restore` is called, or the booking changes.',
      ),
    restores: z.int().describe('How often it was written again in the last 24 hours.'),
    nativeId: z.string().nullable(),
    copy: z
      .object({
        startAt: InstantOut.nullable(),
        endAt: InstantOut.nullable(),
        status: z.enum(['confirmed', 'tentative', 'cancelled']),
        transparency: z.enum(['opaque', 'transparent']),
      })
      .nullable()
      .describe('As the channel gave it back after the last write.'),
    updatedAt: InstantOut,
  })
  .register(answerSchemas, { id: 'Mirror' });
export const MirrorPage = pageOf(Mirror, 'MirrorPage');
