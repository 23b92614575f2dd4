import { z } from 'zod';
import { REFUSALS } from '../../domain/booking.ts';
import { PULLS } from '../../domain/connection.ts';
import { PRICE_UNITS } from '../../domain/resource.ts';
import { AfterSession } from '../session-page.ts';
import {
  answerSchemas,
  Amount,
  Channel,
  CurrencyOut,
  LocalDay,
  Instant,
  InstantOut,
  wholeNumber,
} from './common.ts';

export const SHOWN_AS = ['spans', 'starts', 'nights', 'stays', 'sessions'] as const;
export type ShownAs = (typeof SHOWN_AS)[number];

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
    nights: wholeNumber(1, 365).optional().describe('Length of the stays to list.'),
    after: AfterSession.describe('With `as=sessions`: `next` of the answer before.'),
    limit: wholeNumber(1, 1_000)
      .default(1_000)
      .describe('With `as=sessions`: so many at most; 1000 unless told.'),
    as: z
      .enum(SHOWN_AS)
      .optional()
      .describe(
        'What to list: spans (as a rule) or starts of what is sold by time, nights (as a rule) or stays of what is sold by the night, sessions that begin in the range.',
      ),
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
    if (query.as === 'stays' && query.nights === undefined)
      refuse(context, 'nights', 'is needed to list stays');
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
      .array(
        z.object({
          startAt: InstantOut,
          endAt: InstantOut,
          startBefore: InstantOut.optional().describe(
            'Where bookings must begin before this to be possible.',
          ),
        }),
      )
      .optional()
      .describe(
        'With `as=spans`: any booking inside one of them is possible, of a length that the resource allows. They may overlap.',
      ),
    starts: z.array(InstantOut).optional().describe('With `as=starts`.'),
    nights: z
      .array(
        z.object({
          day: LocalDay,
          free: z.boolean().describe('The night that follows this day.'),
          arrival: z
            .boolean()
            .describe('A stay may begin on this day, and one of some length can be had.'),
          departure: z.boolean().describe('A stay may end on this day.'),
          minNights: z.int(),
          maxNights: z.int(),
        }),
      )
      .optional()
      .describe('With `as=nights`: each local day; lengths are of stays that begin on it.'),
    stays: z
      .array(
        z.object({
          arrivalDay: LocalDay,
          departureDay: LocalDay,
          startAt: InstantOut,
          endAt: InstantOut,
        }),
      )
      .optional()
      .describe('With `as=stays`: each that can be booked, of `nights` nights.'),
    sessions: z
      .array(
        z.object({
          id: z.string(),
          startAt: InstantOut,
          endAt: InstantOut,
          capacity: z.int(),
          placesLeft: z.int(),
          price: z
            .object({ amountMinor: Amount, currency: CurrencyOut })
            .nullable()
            .describe("For each place, in place of the resource's."),
          refusal: z
            .enum(REFUSALS)
            .nullable()
            .describe('Why the party cannot have its places; null when it can.'),
        }),
      )
      .optional()
      .describe('With `as=sessions`: those that begin in the range and were not cancelled.'),
    next: z
      .string()
      .optional()
      .describe('With `as=sessions`: goes into `after` for the others; left out after the last.'),
    price: z
      .object({
        per: z.enum(PRICE_UNITS),
        eachMinor: Amount,
        currency: CurrencyOut,
        amountMinor: Amount.nullable().describe(
          'For the party, to send as `expectedAmount`; null where it depends on how many nights.',
        ),
        depositMinor: Amount.nullable().describe(
          'The share that is charged at once when the balance is not due by then.',
        ),
      })
      .nullable()
      .describe('Null when nothing is charged, or the price is stated at booking.'),
  })
  .register(answerSchemas, { id: 'Availability' });
