import { z } from 'zod';
import { PULLS } from '../../domain/connection.ts';
import { answerSchemas, Channel, Instant, InstantOut, wholeNumber } from './common.ts';

const DAY_MS = 86_400_000;
const MAX_RANGE_MS = 400 * DAY_MS;
const MAX_STARTS = 20_000;

export const AvailabilityQuery = z
  .strictObject({
    from: Instant.describe('RFC 3339 with an offset.'),
    to: Instant.describe('Exclusive; at most 400 days after `from`.'),
    durationMinutes: wholeNumber(1, 400 * 1_440)
      .optional()
      .describe('Needed for starts; for spans it leaves out shorter ones.'),
    stepMinutes: wholeNumber(1, 1_440)
      .default(15)
      .describe("Between starts, from each opening's beginning; 15 unless told."),
    party: wholeNumber(1, 500).default(1).describe('Units needed at once; 1 unless told.'),
    as: z.enum(['spans', 'starts']).default('spans').describe('What to list.'),
    fresh: z
      .enum(['true', 'false'])
      .default('false')
      .describe(
        'Reads every calendar before answering, at most once in five seconds each; `pull` of each connection says what became of it.',
      ),
    freshTimeoutMs: wholeNumber(100, 10_000)
      .default(3_000)
      .describe(
        'With `fresh`: answer after this time with what is known by then; 3000 unless told.',
      ),
  })
  .superRefine((query, context) => {
    const rangeMs = Date.parse(query.to) - Date.parse(query.from);
    if (rangeMs <= 0) refuse(context, 'to', 'must be after `from`');
    if (rangeMs > MAX_RANGE_MS) refuse(context, 'to', 'must be at most 400 days after `from`');
    if (query.as !== 'starts') return;
    if (query.durationMinutes === undefined)
      refuse(context, 'durationMinutes', 'is needed to list starts');
    if (rangeMs / (query.stepMinutes * 60_000) > MAX_STARTS)
      refuse(
        context,
        'stepMinutes',
        `would list more than ${MAX_STARTS} starts: shorten the range`,
      );
  });

const refuse = (context: z.RefinementCtx, field: string, message: string): void =>
  context.addIssue({ code: 'custom', path: [field], message });

export const FreshnessOfConnection = z
  .object({
    connectionId: z.string(),
    channel: Channel,
    status: z.string(),
    confirmedAt: InstantOut.nullable(),
    boundMs: z.int(),
    holds: z.boolean(),
    pull: z
      .enum(PULLS)
      .optional()
      .describe(
        'With `fresh`: `done` is a look that began after this call, `limited` that there was one just now, `waiting` that it goes on, `skipped` that the connection is paused or in trouble.',
      ),
    /** The youngest entry of the calendar, and how long it took to be visible here. */
    newest: z
      .object({
        visibleAt: InstantOut,
        fromChangeMs: z.int().nullable(),
        fromNotificationMs: z.int().nullable(),
      })
      .nullable(),
  })
  .register(answerSchemas, { id: 'FreshnessOfConnection' });

export const Availability = z
  .object({
    asOf: InstantOut,
    resourceId: z.string(),
    from: InstantOut,
    to: InstantOut,
    timeZone: z.string(),
    party: z.int(),
    freshness: z.object({
      confirmedAt: InstantOut.nullable().describe(
        'The oldest of all connections; null without connections, or before a first pass.',
      ),
      holds: z.boolean(),
      connections: z.array(FreshnessOfConnection),
    }),
    validUntil: InstantOut.nullable().describe(
      'Outside calendars are kept up to here, and bookings taken; null is no limit. What lies beyond is worked out for this answer where calendars were read whole.',
    ),
    unknown: z
      .array(z.object({ startAt: InstantOut, endAt: InstantOut }))
      .optional()
      .describe(
        'Beyond `validUntil`: where nobody can tell, because a channel lists a fixed stretch of time or a feed ends. Nothing is free there; `fresh` asks the channel where it can be asked.',
      ),
    withheld: z.int(),
    spans: z
      .array(z.object({ startAt: InstantOut, endAt: InstantOut }))
      .optional()
      .describe('With `as=spans`: any booking inside one of them is possible. They may overlap.'),
    starts: z.array(InstantOut).optional().describe('With `as=starts`.'),
  })
  .register(answerSchemas, { id: 'Availability' });
