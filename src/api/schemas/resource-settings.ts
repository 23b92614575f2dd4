import { z } from 'zod';
import {
  CONFLICT_RULES,
  DEFAULT_RESOURCE_SETTINGS,
  PRICE_UNITS,
  SOLD_BY,
  WEEKDAYS,
} from '../../domain/resource.ts';
import { Amount, Currency, CurrencyOut, LocalDay } from './common.ts';

/** What a resource is sold by, field by field; `settingsFaults` checks the fields together. */
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;

const ClockTime = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be HH:MM, or 24:00 for the end of the day');
const TimeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');

const isForward = (rule: { from: string; to: string }) => rule.from < rule.to;
const backward = {
  error: 'must be before `to`; write two rules for a time over midnight',
  path: ['from'],
};

const weekdays = z.array(z.enum(WEEKDAYS)).max(7);
const nightCount = z.int().min(1).max(365);
const ms = (min: number, max: number) => z.int().min(min).max(max);
const atMost = z.int().min(1).max(100_000).nullable();

type Side = 'request' | 'answer';
const currencies = { request: Currency, answer: CurrencyOut };

/** Requests refuse what they do not know; answers may grow. */
const objectOf = (side: Side) =>
  (side === 'request' ? z.strictObject : z.object) as typeof z.strictObject;

const timeFields = (side: Side) => {
  const object = objectOf(side);
  const Hours = object({ from: ClockTime, to: ClockTime }).refine(isForward, backward);
  const Season = object({
    fromDay: LocalDay,
    toDay: LocalDay,
    minNights: nightCount.exactOptional(),
    maxNights: nightCount.exactOptional(),
    closedToArrival: weekdays.exactOptional(),
    closedToDeparture: weekdays.exactOptional(),
  });
  return {
    soldBy: z
      .enum(SOLD_BY)
      .describe('`time`: any span; `night`: stays by `nights`; `session`: places of fixed times.'),
    opening: z
      .array(
        object({
          days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
          from: ClockTime,
          to: ClockTime,
        }).refine(isForward, backward),
      )
      .max(50)
      .describe('By local time; always open when empty.'),
    exceptions: z
      .array(object({ fromDay: LocalDay, toDay: LocalDay, open: z.array(Hours).max(20) }))
      .max(400)
      .describe(
        'Local days, both included, that differ from `opening`: open at these times, closed when `open` is empty. The last one that names a day counts. By the night: nights that follow these days.',
      ),
    nights: object({
      checkIn: TimeOfDay,
      checkOut: TimeOfDay,
      minNights: nightCount.default(1),
      maxNights: nightCount.default(365),
      closedToArrival: weekdays.default([]),
      closedToDeparture: weekdays.default([]),
      seasons: z
        .array(Season)
        .max(100)
        .default([])
        .describe(
          'Local days with other rules: length and arrival by the day of arrival, departure by the day of departure. The last one that names a day counts.',
        ),
    })
      .nullable()
      .describe('Local times and rules of stays; needed with `soldBy` `night`.'),
    bufferBeforeMs: ms(0, 14 * DAY_MS),
    bufferAfterMs: ms(0, 14 * DAY_MS),
    noticeMs: ms(0, 400 * DAY_MS).describe('How long before its start a span can last be booked.'),
    windowMs: ms(1, 3 * YEAR_MS)
      .nullable()
      .describe('How long before its start it can first be booked; null is no limit.'),
    minDurationMs: ms(MINUTE_MS, 400 * DAY_MS).nullable(),
    maxDurationMs: ms(MINUTE_MS, 400 * DAY_MS).nullable(),
    maxPerDay: z
      .int()
      .min(1)
      .max(10_000)
      .nullable()
      .describe('Most bookings that begin on one local day.'),
  };
};

const saleFields = (side: Side) => {
  const object = objectOf(side);
  return {
    holdTtlMs: ms(30_000, DAY_MS),
    holdExtension: object({ byMs: ms(30_000, DAY_MS), times: z.int().min(1).max(20) })
      .nullable()
      .describe('How often a hold may be made longer, and by how much; null is never.'),
    holdLimits: object({ perKey: atMost, perReference: atMost, perResource: atMost }).describe(
      'Most holds at one time; null is no limit.',
    ),
    price: object({
      per: z.enum(PRICE_UNITS).describe('`unit` is for each one of the party.'),
      amountMinor: Amount,
      currency: currencies[side],
    })
      .nullable()
      .describe('Null: stated at booking, or free.'),
    deposit: object({
      percent: z.int().min(1).max(99).describe('Of the price, rounded up.'),
      balanceDueMs: ms(0, YEAR_MS).describe(
        'Before the start; when that is past at booking, everything is charged.',
      ),
      onUnpaid: z.enum(['cancel', 'keep']),
      graceMs: ms(0, 90 * DAY_MS),
    })
      .nullable()
      .describe('A share now, the rest later; null is everything now.'),
    cancellation: z
      .array(
        object({
          beforeMs: ms(0, 3 * YEAR_MS),
          feePercent: z.int().min(0).max(100),
          feeMinor: Amount,
        }),
      )
      .max(20)
      .describe(
        'What is kept of the price when called off at least so long before the start, earliest first; after the last everything is kept. Empty: nothing is kept until the start.',
      ),
    customers: object({ mayCancel: z.boolean(), mayMove: z.boolean() }).describe(
      'What customers may do by their token to a booking that is confirmed; a hold they can always give up.',
    ),
    lapse: z
      .enum(['capture', 'renew'])
      .describe('What becomes of an authorization about to lapse.'),
    contested: z.enum(['refuse', 'keep-ours']),
    recheck: object({
      timeoutMs: ms(100, 30_000),
      onTimeout: z.enum(['accept', 'refuse']),
    }).describe('Calendars older than their bound are read again before a booking is confirmed.'),
    conflicts: object({
      rule: z.enum(CONFLICT_RULES),
      priority: z.int().min(0).max(1_000),
      deadlineMs: ms(MINUTE_MS, 90 * DAY_MS),
      onDeadline: z.enum(['keep-ours', 'keep-theirs']),
    }).describe('Who keeps the time when an outside event lies over a confirmed booking.'),
  };
};

const fieldsOf = (side: Side) => ({ ...timeFields(side), ...saleFields(side) });
const fields = fieldsOf('request');
const defaults = DEFAULT_RESOURCE_SETTINGS;
const { holdLimits, customers, recheck, conflicts } = defaults;

export const NewSettings = z.strictObject({
  soldBy: fields.soldBy.default(defaults.soldBy),
  opening: fields.opening.default(defaults.opening),
  exceptions: fields.exceptions.default(defaults.exceptions),
  nights: fields.nights.default(defaults.nights),
  bufferBeforeMs: fields.bufferBeforeMs.default(defaults.bufferBeforeMs),
  bufferAfterMs: fields.bufferAfterMs.default(defaults.bufferAfterMs),
  noticeMs: fields.noticeMs.default(defaults.noticeMs),
  windowMs: fields.windowMs.default(defaults.windowMs),
  minDurationMs: fields.minDurationMs.default(defaults.minDurationMs),
  maxDurationMs: fields.maxDurationMs.default(defaults.maxDurationMs),
  maxPerDay: fields.maxPerDay.default(defaults.maxPerDay),
  holdTtlMs: fields.holdTtlMs.default(defaults.holdTtlMs),
  holdExtension: fields.holdExtension.default(defaults.holdExtension),
  holdLimits: z
    .strictObject({
      perKey: atMost.default(holdLimits.perKey),
      perReference: atMost.default(holdLimits.perReference),
      perResource: atMost.default(holdLimits.perResource),
    })
    .prefault({}),
  price: fields.price.default(defaults.price),
  deposit: fields.deposit.default(defaults.deposit),
  cancellation: fields.cancellation.default(defaults.cancellation),
  customers: z
    .strictObject({
      mayCancel: z.boolean().default(customers.mayCancel),
      mayMove: z.boolean().default(customers.mayMove),
    })
    .prefault({}),
  lapse: fields.lapse.default(defaults.lapse),
  contested: fields.contested.default(defaults.contested),
  recheck: z
    .strictObject({
      timeoutMs: fields.recheck.shape.timeoutMs.default(recheck.timeoutMs),
      onTimeout: fields.recheck.shape.onTimeout.default(recheck.onTimeout),
    })
    .prefault({}),
  conflicts: z
    .strictObject({
      rule: fields.conflicts.shape.rule.default(conflicts.rule),
      priority: fields.conflicts.shape.priority.default(conflicts.priority),
      deadlineMs: fields.conflicts.shape.deadlineMs.default(conflicts.deadlineMs),
      onDeadline: fields.conflicts.shape.onDeadline.default(conflicts.onDeadline),
    })
    .prefault({}),
});

/** What is left out stays as it is; lists, `nights`, `price` and `deposit` are replaced whole. */
export const SettingsPatch = z
  .strictObject({
    ...fields,
    holdLimits: fields.holdLimits.partial(),
    customers: fields.customers.partial(),
    recheck: fields.recheck.partial(),
    conflicts: fields.conflicts.partial(),
  })
  .partial();
export type SettingsPatch = z.output<typeof SettingsPatch>;

export const SettingsOut = z.object(fieldsOf('answer'));
