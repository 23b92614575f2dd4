import { z } from 'zod';
import { CHANNELS } from '../../channels/channel-provider.ts';

/** Named schemas become the document's components; requests and answers are kept apart. */
export const requestSchemas = z.registry<{ id: string }>();
export const answerSchemas = z.registry<{ id: string }>();

export const Id = z
  .string('must be a string')
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, `_` or `-`');

const rfc3339 = z.iso.datetime({
  offset: true,
  error: 'must be an RFC 3339 instant with an offset, e.g. 2027-01-31T15:00:00+01:00',
});

/** An instant with an offset, read as the same instant in UTC. */
export const Instant = rfc3339
  .refine((text) => Number(text.slice(0, 4)) >= 1970 && Number(text.slice(0, 4)) < 2200, {
    error: 'must lie between the years 1970 and 2200',
  })
  .transform((text) => new Date(text).toISOString());

/** An instant as answers give it. */
export const InstantOut = z.iso.datetime();

/** A day of a resource's own calendar. */
export const LocalDay = z.iso
  .date({ error: 'must be a day as YYYY-MM-DD' })
  .refine((text) => text >= '1970-01-01' && text < '2200-01-01', {
    error: 'must lie between the years 1970 and 2200',
  });

export const Channel = z.enum(CHANNELS);

export const Amount = z.int().min(0).max(1_000_000_000_000);

export const Currency = z
  .string()
  .regex(/^[A-Za-z]{3}$/, 'must be an ISO 4217 code of three letters')
  .transform((code) => code.toLowerCase());

/** As answers give it. */
export const CurrencyOut = z.string().regex(/^[a-z]{3}$/);

export const Money = z.strictObject({ amountMinor: Amount, currency: Currency });

/** A whole number in a query; documented as what it means, though it comes as text. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .meta({ type: 'integer', minimum: min, maximum: max, pattern: undefined })
    .transform(Number)
    .refine((count) => count >= min && count <= max, `must be from ${min} to ${max}`);

export const pageQuery = {
  after: z.string().min(1).max(512).optional().describe('`next` of the page before.'),
  limit: wholeNumber(1, 200).default(50).describe('Items in a page; 50 unless told.'),
};

export const Empty = z.strictObject({});

/** A page: `next` goes into `after`; null on the last one. */
export const pageOf = <T extends z.ZodType>(item: T, id: string) =>
  z.object({ items: z.array(item), next: z.string().nullable() }).register(answerSchemas, { id });
