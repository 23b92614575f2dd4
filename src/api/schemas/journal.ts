import { z } from 'zod';
import { answerSchemas, InstantOut, pageOf } from './common.ts';

const Entry = z
  .object({
    position: z.string(),
    /** `booking/<id>`, `connection/<id>` or `resource/<id>`. */
    subject: z.string(),
    /** Gapless per subject, from 1. */
    seq: z.number(),
    at: InstantOut,
    /** e.g. `booking.confirmed`, `event.added`. */
    type: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .register(answerSchemas, { id: 'JournalEntry' });

export const JournalPage = pageOf(Entry, 'JournalPage');
