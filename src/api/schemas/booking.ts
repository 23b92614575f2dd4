import { z } from 'zod';
import { BOOKING_STATES, PAYMENT_KINDS } from '../../domain/booking.ts';
import {
  Amount,
  answerSchemas,
  CurrencyOut,
  Id,
  Instant,
  InstantOut,
  Money,
  pageOf,
  requestSchemas,
} from './common.ts';
import { Mirror } from './mirror.ts';

const MAX_STAY_MS = 400 * 86_400_000;

const Payment = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('method'),
    paymentMethod: z
      .string()
      .min(1)
      .max(255)
      .describe("The payment service's id of a method the guest gave."),
    accountId: Id.optional().describe(
      "The payment account to charge through; the tenant's only one when left out.",
    ),
  }),
  /** Paid by the caller's own means; `confirm` says so later, for which `bookings:write` is not enough. */
  z.strictObject({ kind: z.literal('external') }),
  z.strictObject({ kind: z.literal('none') }),
]);

const Guest = z.strictObject({
  name: z.string().min(1).max(500).optional(),
  contact: z.string().min(1).max(500).optional(),
  reference: z.string().min(1).max(500).optional(),
  metadata: z.record(z.string().max(100), z.string().max(1_000)).optional(),
});

export const NewBooking = z
  .strictObject({
    resourceId: Id,
    startAt: Instant,
    endAt: Instant,
    party: z.int().min(1).max(500).default(1),
    payment: Payment,
    price: Money.optional().describe(
      "In place of the resource's price; needs the scope payments:write.",
    ),
    expectedAmount: Money.optional().describe('Refuses the booking when the price is another one.'),
    guest: Guest.optional().describe("Sealed, erasable, and in no workflow's history."),
  })
  .refine((booking) => booking.startAt < booking.endAt, {
    error: 'must be after startAt',
    path: ['endAt'],
  })
  .refine((booking) => Date.parse(booking.endAt) - Date.parse(booking.startAt) <= MAX_STAY_MS, {
    error: 'must be at most 400 days after startAt',
    path: ['endAt'],
  })
  .register(requestSchemas, { id: 'NewBooking' });
export type NewBooking = z.output<typeof NewBooking>;

const bookingFields = {
  id: z.string(),
  state: z.enum(BOOKING_STATES),
  reason: z.string().nullable().describe('Machine reason of the last move, e.g. `card_declined`.'),
  attention: z.string().nullable().describe('Why a person has to look; null when nobody has to.'),
  resourceId: z.string(),
  startAt: InstantOut,
  endAt: InstantOut,
  party: z.int(),
  units: z.array(z.int()),
  amountMinor: Amount,
  currency: CurrencyOut.nullable(),
  payment: z.object({
    kind: z.enum(PAYMENT_KINDS),
    status: z
      .string()
      .nullable()
      .describe('Null before a payment was tried, and where none is needed.'),
    capturedMinor: Amount,
    refundedMinor: Amount,
  }),
  holdExpiresAt: InstantOut,
  createdAt: InstantOut,
  confirmedAt: InstantOut.nullable(),
  endedAt: InstantOut.nullable(),
  links: z.object({ self: z.string(), resource: z.string(), workflowId: z.string() }),
};

export const Booking = z.object(bookingFields).register(answerSchemas, { id: 'Booking' });
export const BookingPage = pageOf(Booking, 'BookingPage');

export const BookingInFull = z
  .object({
    ...bookingFields,
    guest: z
      .object(Guest.shape)
      .nullable()
      .describe(
        'Null without the scope bookings:write, when none was given, and when it was erased.',
      ),
    mirrors: z.array(Mirror).describe('How it stands in each outside calendar.'),
  })
  .register(answerSchemas, { id: 'BookingInFull' });

export const Cancellation = z
  .strictObject({
    /** A machine reason of yours; kept in the journal, so never a person's words. */
    reason: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/, 'must be a machine reason such as guest-request')
      .default('requested'),
  })
  .register(requestSchemas, { id: 'Cancellation' });

export const Confirmation = z
  .strictObject({
    reference: z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9 ._:/#-]{0,99}$/,
        'must be a machine reference of up to 100 characters, such as invoice-2027-0042',
      )
      .describe(
        "Your own reference, never a person's name: it is kept with the payment and in the workflow's history.",
      ),
  })
  .register(requestSchemas, { id: 'Confirmation' });

export const NewPaymentAccount = z
  .strictObject({
    id: Id,
    service: z.literal('stripe'),
    secretKey: z.string().min(1).max(500),
    webhookSecret: z
      .string()
      .min(1)
      .max(500)
      .nullable()
      .default(null)
      .describe('Signs webhooks sent to `/v1/payment-webhooks/<tenant>/<id>`.'),
    connectedAccount: z.string().min(1).max(200).nullable().default(null),
  })
  .register(requestSchemas, { id: 'NewPaymentAccount' });

const replaceable = NewPaymentAccount.shape;

/** What is left out stays. */
export const PaymentAccountPatch = z
  .strictObject({
    secretKey: replaceable.secretKey.optional(),
    webhookSecret: replaceable.webhookSecret
      .unwrap()
      .optional()
      .describe('Null takes it away: webhooks are refused from then on.'),
  })
  .refine(
    ({ secretKey, webhookSecret }) => secretKey !== undefined || webhookSecret !== undefined,
    {
      error: 'must replace the secretKey, the webhookSecret or both',
    },
  )
  .register(requestSchemas, { id: 'PaymentAccountPatch' });

export const PaymentAccount = z
  .object({
    id: z.string(),
    service: z.string(),
    createdAt: InstantOut,
    webhookUrl: z.string(),
  })
  .register(answerSchemas, { id: 'PaymentAccount' });
export const PaymentAccountPage = pageOf(PaymentAccount, 'PaymentAccountPage');
