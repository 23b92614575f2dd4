import { z } from 'zod';
import { ASKED_BECAUSE, CONFLICT_OUTCOMES, DECIDERS, DECISIONS } from '../../domain/conflict.ts';
import { CONFLICT_RULES } from '../../domain/resource.ts';
import { answerSchemas, Id, InstantOut, pageOf, requestSchemas } from './common.ts';

const Claim = z.object({
  priority: z.int(),
  since: InstantOut.nullable().describe('Null where the channel does not tell.'),
});

export const Conflict = z
  .object({
    id: z.string(),
    bookingId: z.string(),
    resourceId: z.string(),
    connectionId: z.string(),
    nativeId: z.string().describe("The channel's id of the outside event, or of its series."),
    state: z.enum(['open', 'settled']),
    startAt: InstantOut.describe('The outside time over the booking.'),
    endAt: InstantOut,
    rule: z.enum(CONFLICT_RULES).describe("The resource's, when it was found."),
    askedBecause: z
      .enum(ASKED_BECAUSE)
      .nullable()
      .describe(
        'Set where only a person decides, whatever the rule: it takes exactly the time of a booking of ours and may be its `copy`, or so many bookings are in conflict at once that it may be a mistake (`mass`).',
      ),
    deadlineAt: InstantOut.nullable().describe('Then `onDeadline` decides; null: nothing does.'),
    onDeadline: z.enum(['keep-ours', 'keep-theirs']),
    ours: Claim.describe('What `by-key` compares: the higher priority, else the earlier time.'),
    theirs: Claim,
    decision: z.enum(DECISIONS).nullable(),
    decidedBy: z.enum(DECIDERS).nullable(),
    decidedAt: InstantOut.nullable(),
    decidedByKey: z.string().nullable().describe('Of a person: the API key, or a name.'),
    outcome: z
      .enum(CONFLICT_OUTCOMES)
      .nullable()
      .describe(
        '`kept-ours`: the booking stays and the outside event still takes its time, so tell its owner. `moved` to another unit or `cancelled` with everything given back. `gone`: the outside event left.',
      ),
    foundAt: InstantOut,
    settledAt: InstantOut.nullable(),
    links: z.object({ booking: z.string(), connection: z.string(), workflowId: z.string() }),
  })
  .register(answerSchemas, { id: 'Conflict' });
export const ConflictPage = pageOf(Conflict, 'ConflictPage');

const Keep = z
  .enum(DECISIONS)
  .describe('`ours`: the booking stays. `theirs`: it is moved, or cancelled with full refund.');

export const ConflictDecision = z
  .strictObject({ keep: Keep })
  .register(requestSchemas, { id: 'ConflictDecision' });

export const ConflictDecisions = z
  .strictObject({
    ids: z
      .array(Id)
      .min(1)
      .max(100)
      .refine((ids) => new Set(ids).size === ids.length, 'must name each conflict once'),
    keep: Keep,
  })
  .register(requestSchemas, { id: 'ConflictDecisions' });

export const ConflictsDecided = z
  .object({
    items: z.array(
      z.object({
        id: z.string().describe('As it was asked for.'),
        problem: z
          .enum(['/problems/not-found', '/problems/conflict-decided', '/problems/unavailable'])
          .nullable()
          .describe(
            'What deciding it alone would have been refused with; null: it is decided as asked.',
          ),
        conflict: Conflict.nullable().describe('As it is now; null where there is none.'),
      }),
    ),
  })
  .register(answerSchemas, { id: 'ConflictsDecided' });
