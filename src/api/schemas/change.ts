import { z } from 'zod';
import { OVERRIDES } from '../../domain/rules.ts';
import { timeFaults } from './booking.ts';
import {
  Amount,
  answerSchemas,
  CurrencyOut,
  Id,
  Instant,
  InstantOut,
  LocalDay,
  Money,
  requestSchemas,
} from './common.ts';

/** A machine reason of the caller's; kept in the journal, so never a person's words. */
export const Reason = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/, 'must be a machine reason such as guest-request');

const Reference = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9 ._:/#-]{0,99}$/,
    'must be a machine reference of up to 100 characters, such as invoice-2027-0042',
  )
  .describe("Your own reference, never a person's name.");

export const Cancellation = z
  .strictObject({
    reason: Reason.default('requested'),
    quoteId: Id.optional().describe('Refunds exactly what this quote said.'),
    keepMinor: Amount.optional().describe(
      'Keeps this much of what was paid, whatever was agreed; needs the scope payments:write.',
    ),
  })
  .refine((asked) => asked.quoteId === undefined || asked.keepMinor === undefined, {
    error: 'must be left out where a quote says it',
    path: ['keepMinor'],
  })
  .register(requestSchemas, { id: 'Cancellation' });

export const CancellationQuote = z
  .object({
    id: z.string(),
    bookingId: z.string(),
    currency: CurrencyOut.nullable(),
    paidMinor: Amount.describe('What the booking was paid with so far.'),
    keepMinor: Amount.describe('The fee: what is kept of it.'),
    refundMinor: Amount,
    tier: z
      .object({ beforeMs: z.int(), feePercent: z.number(), feeMinor: Amount })
      .nullable()
      .describe('Of what was agreed, what decides; null when it is too late for any.'),
    validUntil: InstantOut.describe('Confirm before it; later another tier may count.'),
  })
  .register(answerSchemas, { id: 'CancellationQuote' });

export const NewRescheduleQuote = z
  .strictObject({
    startAt: Instant.optional(),
    endAt: Instant.optional(),
    arrivalDay: LocalDay.optional().describe(
      'With departureDay, in place of startAt and endAt, where nights are sold.',
    ),
    departureDay: LocalDay.optional(),
    sessionId: Id.optional().describe('Another session, or the same one for another party.'),
    party: z.int().min(1).max(500).optional().describe('As many as now when left out.'),
    price: Money.optional().describe(
      'The whole price from then on, whatever the resource asks; needs the scope payments:write.',
    ),
    override: z
      .array(z.enum(OVERRIDES))
      .min(1)
      .max(OVERRIDES.length)
      .optional()
      .describe('Rules that staff pass over; needs the scope admin. Never what is taken.'),
  })
  .superRefine((asked, context) => {
    if (asked.sessionId === undefined)
      for (const [path, message] of timeFaults(asked))
        context.addIssue({ code: 'custom', path: [path], message });
    else if (asked.startAt !== undefined || asked.arrivalDay !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['sessionId'],
        message: 'is in place of a time: send one or the other',
      });
  })
  .register(requestSchemas, { id: 'NewRescheduleQuote' });

export const RescheduleQuote = z
  .object({
    id: z.string(),
    bookingId: z.string(),
    startAt: InstantOut,
    endAt: InstantOut,
    sessionId: z.string().nullable(),
    party: z.int(),
    amountMinor: Amount.describe('The whole price from then on.'),
    currency: CurrencyOut.nullable(),
    chargeMinor: Amount.describe('Charged when it is confirmed.'),
    refundMinor: Amount.describe('Given back when it is confirmed.'),
    validUntil: InstantOut.describe(
      'Confirm before it. The new time is not held until then: somebody else may take it.',
    ),
  })
  .register(answerSchemas, { id: 'RescheduleQuote' });

const DifferencePayment = z.discriminatedUnion('kind', [
  /** By the method kept of an earlier payment. */
  z.strictObject({ kind: z.literal('kept') }),
  z.strictObject({
    kind: z.literal('method'),
    paymentMethod: z.string().min(1).max(255),
    accountId: Id.optional(),
  }),
  /** The payer confirms in a browser, with `payment.clientSecret` of the answer. */
  z.strictObject({ kind: z.literal('browser'), accountId: Id.optional() }),
  /** You have the money; needs the scope payments:write. */
  z.strictObject({ kind: z.literal('external'), reference: Reference }),
]);

export const Reschedule = z
  .strictObject({
    quoteId: Id,
    reason: Reason.default('requested'),
    payment: DifferencePayment.optional().describe(
      'How `chargeMinor` is paid; by the kept method, where there is one, when left out.',
    ),
  })
  .register(requestSchemas, { id: 'Reschedule' });
