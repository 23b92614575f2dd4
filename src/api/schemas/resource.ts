import { z } from 'zod';
import { DEFAULT_RESOURCE_SETTINGS, PRICE_UNITS, WEEKDAYS } from '../../domain/resource.ts';
import {
  Amount,
  answerSchemas,
  Currency,
  CurrencyOut,
  Id,
  Instant,
  InstantOut,
  pageOf,
  requestSchemas,
} from './common.ts';

const DAY_MS = 86_400_000;

const ClockTime = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be HH:MM, or 24:00 for the end of the day');

const Opening = z
  .strictObject({
    days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
    from: ClockTime,
    to: ClockTime,
  })
  .refine((rule) => rule.from < rule.to, {
    error: 'must be before `to`; write two rules for a time over midnight',
    path: ['from'],
  });

const Price = z.strictObject({
  per: z.enum(PRICE_UNITS),
  amountMinor: Amount,
  currency: Currency,
});

const bufferMs = z
  .int()
  .min(0)
  .max(14 * DAY_MS);

const settings = {
  opening: z.array(Opening).max(50),
  bufferBeforeMs: bufferMs,
  bufferAfterMs: bufferMs,
  noticeMs: z
    .int()
    .min(0)
    .max(400 * DAY_MS),
  holdTtlMs: z.int().min(30_000).max(DAY_MS),
  price: Price.nullable(),
  contested: z.enum(['refuse', 'keep-ours']),
};

const defaults = DEFAULT_RESOURCE_SETTINGS;

const NewSettings = z.strictObject({
  opening: settings.opening.default(defaults.opening),
  bufferBeforeMs: settings.bufferBeforeMs.default(defaults.bufferBeforeMs),
  bufferAfterMs: settings.bufferAfterMs.default(defaults.bufferAfterMs),
  noticeMs: settings.noticeMs.default(defaults.noticeMs),
  holdTtlMs: settings.holdTtlMs.default(defaults.holdTtlMs),
  price: settings.price.default(defaults.price),
  contested: settings.contested.default(defaults.contested),
});

const Name = z.string().min(1).max(200);
const TimeZone = z.string().min(1).max(100);
const Capacity = z.int().min(1).max(500);

export const NewResource = z
  .strictObject({
    id: Id,
    name: Name,
    timeZone: TimeZone,
    capacity: Capacity.default(1),
    settings: NewSettings.prefault({}),
  })
  .register(requestSchemas, { id: 'NewResource' });

/** What is left out stays as it is; `settings` is merged by field. */
export const ResourcePatch = z
  .strictObject({
    name: Name.optional(),
    timeZone: TimeZone.optional(),
    capacity: Capacity.optional(),
    settings: z.strictObject(settings).partial().optional(),
  })
  .register(requestSchemas, { id: 'ResourcePatch' });

export const Resource = z
  .object({
    id: z.string(),
    name: z.string(),
    timeZone: z.string(),
    capacity: z.int(),
    settings: z.object({
      ...settings,
      opening: z.array(z.object(Opening.shape)),
      price: z.object({ ...Price.shape, currency: CurrencyOut }).nullable(),
    }),
    createdAt: InstantOut,
    archivedAt: InstantOut.nullable(),
  })
  .register(answerSchemas, { id: 'Resource' });
export const ResourcePage = pageOf(Resource, 'ResourcePage');

export const NewBlock = z
  .strictObject({
    startAt: Instant,
    endAt: Instant,
    unit: z.int().min(1).max(500).nullable().default(null),
  })
  .refine((block) => block.startAt < block.endAt, {
    error: 'must be after startAt',
    path: ['endAt'],
  })
  .register(requestSchemas, { id: 'NewBlock' });

export const Block = z
  .object({
    id: z.string(),
    resourceId: z.string(),
    unit: z.int().nullable(),
    startAt: InstantOut,
    endAt: InstantOut,
    createdAt: InstantOut,
  })
  .register(answerSchemas, { id: 'Block' });
export const BlockPage = pageOf(Block, 'BlockPage');
