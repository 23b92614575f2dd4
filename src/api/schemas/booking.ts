import { z } from 'zod';
import { BOOKING_STATES, PAYMENT_KINDS } from '../../domain/booking.ts';
import { RECHECKS } from '../../domain/connection.ts';
import { OVERRIDES } from '../../domain/rules.ts';
import {
  Amount,
  answerSchemas,
  CurrencyOut,
  Id,
  Instant,
  InstantOut,
  LocalDay,
  Money,
  pageOf,
  requestSchemas,
} from './common.ts';
import type { AskedTime } from '../asked-time.ts';
import { Conflict } from './conflict.ts';
import { Mirror } from './mirror.ts';

const MAX_STAY_MS = 400 * 86_400_000;

const PaymentAccountId = Id.optional().describe(
  "The payment account to charge through; the tenant's only one when left out.",
);

const Payment = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('method'),
    paymentMethod: z
      .string()
      .min(1)
      .max(255)
      .describe("The payment service's id of a method the guest gave."),
    accountId: PaymentAccountId,
    payerPresent: z
      .boolean()
      .optional()
      .describe(
        'The payer is at a browser: where the bank asks for authentication the booking waits for it, with `payment.clientSecret`, in place of being declined.',
      ),
  }),
  /** The payer confirms in a browser, with `payment.clientSecret` of the answer. */
  z.strictObject({ kind: z.literal('browser'), accountId: PaymentAccountId }),
  /** Paid by the caller's own means; `confirm` says so later, for which `bookings:write` is not enough. */
  z.strictObject({ kind: z.literal('external') }),
  z.strictObject({ kind: z.literal('none') }),
]);

export const Guest = z.strictObject({
  name: z.string().min(1).max(500).optional(),
  contact: z.string().min(1).max(500).optional(),
  reference: z.string().min(1).max(500).optional(),
  metadata: z.record(z.string().max(100), z.string().max(1_000)).optional(),
});

/** A time is said in one way: by two instants, or by the two days of a stay. */
export function timeFaults(asked: AskedTime): [keyof AskedTime, string][] {
  const { startAt, endAt, arrivalDay, departureDay, sessionId } = asked;
  if (sessionId !== undefined) {
    const isSaidTwice = [startAt, endAt, arrivalDay, departureDay].some((one) => one !== undefined);
    return isSaidTwice ? [['sessionId', 'is in place of a time: send one or the other']] : [];
  }
  if (arrivalDay === undefined && departureDay === undefined) {
    if (startAt === undefined) return [['startAt', 'is needed, or arrivalDay and departureDay']];
    return endAt === undefined ? [['endAt', 'is needed']] : orderFaults([startAt, endAt], 'endAt');
  }
  if (startAt !== undefined || endAt !== undefined)
    return [['arrivalDay', 'is in place of startAt and endAt: send one or the other']];
  if (arrivalDay === undefined) return [['arrivalDay', 'is needed']];
  if (departureDay === undefined) return [['departureDay', 'is needed']];
  return orderFaults([arrivalDay, departureDay], 'departureDay');
}

function orderFaults(
  [from, to]: [string, string],
  field: 'endAt' | 'departureDay',
): [keyof AskedTime, string][] {
  const first = field === 'endAt' ? 'startAt' : 'arrivalDay';
  if (from >= to) return [[field, `must be after ${first}`]];
  const isTooLong = Date.parse(to) - Date.parse(from) > MAX_STAY_MS;
  return isTooLong ? [[field, `must be at most 400 days after ${first}`]] : [];
}

export const NewBooking = z
  .strictObject({
    resourceId: Id,
    startAt: Instant.optional(),
    endAt: Instant.optional(),
    arrivalDay: LocalDay.optional().describe(
      'With departureDay, in place of startAt and endAt, where nights are sold: from check-in to check-out.',
    ),
    departureDay: LocalDay.optional(),
    sessionId: Id.optional().describe(
      'In place of a time, where sessions are sold: so many places of it as the party is large.',
    ),
    party: z.int().min(1).max(500).default(1),
    payment: Payment,
    price: Money.optional().describe(
      "In place of the resource's price; needs the scope payments:write.",
    ),
    override: z
      .array(z.enum(OVERRIDES))
      .min(1)
      .max(OVERRIDES.length)
      .optional()
      .describe(
        'Rules that staff pass over; needs the scope admin and is entered in the journal. Never what is taken.',
      ),
    expectedAmount: Money.optional().describe('Refuses the booking when the price is another one.'),
    guest: Guest.optional().describe("Sealed, erasable, and in no workflow's history."),
  })
  .superRefine((booking, context) => {
    for (const [path, message] of timeFaults(booking))
      context.addIssue({ code: 'custom', path: [path], message });
  })
  .register(requestSchemas, { id: 'NewBooking' });
export type NewBooking = z.output<typeof NewBooking>;

const bookingFields = {
  id: z.string(),
  state: z.enum(BOOKING_STATES),
  reason: z.string().nullable().describe('Machine reason of the last move, e.g. `card_declined`.'),
  attention: z.string().nullable().describe('Why a person has to look; null when nobody has to.'),
  attentions: z.array(z.string()).describe('All such calls that stand, the oldest first.'),
  recheck: z
    .enum(RECHECKS)
    .nullable()
    .describe(
      'An outside calendar was too old when the booking was to be confirmed: it was read again in time, or the resource had the booking `accepted` or `refused` without. Null when all were fresh.',
    ),
  resourceId: z.string(),
  sessionId: z.string().nullable(),
  startAt: InstantOut,
  endAt: InstantOut,
  party: z.int(),
  units: z.array(z.int()),
  amountMinor: Amount,
  currency: CurrencyOut.nullable(),
  depositMinor: Amount.nullable().describe('The share charged at once; null when all of it is.'),
  balanceDueAt: InstantOut.nullable(),
  owedMinor: Amount.describe('What of the money is to be kept as things stand.'),
  cancellation: z
    .array(z.object({ beforeMs: z.int(), feePercent: z.int(), feeMinor: Amount }))
    .describe('As agreed when it was held, whatever its resource says since.'),
  payment: z.object({
    kind: z.enum(PAYMENT_KINDS),
    status: z
      .string()
      .nullable()
      .describe('Null before a payment was tried, and where none is needed.'),
    capturedMinor: Amount,
    refundedMinor: Amount,
    declineCode: z
      .string()
      .nullable()
      .describe('Why the last attempt was refused; another one may follow while it is held.'),
    outcome: z
      .enum(['voided', 'refunded'])
      .nullable()
      .describe('How money ended that came for nothing, such as after the hold was over.'),
    clientSecret: z
      .string()
      .nullable()
      .describe(
        "For the payer's browser, while a payment waits for it; with the scope bookings:write, when the booking is made and when it is read.",
      ),
    publishableKey: z
      .string()
      .nullable()
      .describe('Of the payment account, with the secret above.'),
    connectedAccount: z.string().nullable().describe('To be named by the browser too, where set.'),
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
    conflicts: z.array(Conflict).describe('Outside events that lie, or lay, over it.'),
  })
  .register(answerSchemas, { id: 'BookingInFull' });

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

/** What a person decided about a booking that needs attention. */
export const Resolving = z
  .strictObject({
    decision: z
      .enum(['retry', 'resolved-by-hand'])
      .describe('Try it at once, or leave it from now on because somebody did it elsewhere.'),
    attention: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be one of `attentions`')
      .optional()
      .describe('Which call is meant, where several stand.'),
    reason: z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9 .,_:/#-]{0,199}$/,
        'must be up to 200 plain characters, such as refunded at the service, case 4711',
      )
      .optional()
      .describe("What was done; kept in the journal, so never a person's name or words."),
  })
  .refine(({ decision, reason }) => decision === 'retry' || reason !== undefined, {
    error: 'is needed: say what was done',
    path: ['reason'],
  })
  .register(requestSchemas, { id: 'Resolving' });

export const NewPaymentAccount = z
  .strictObject({
    id: Id,
    service: z.literal('stripe'),
    secretKey: z.string().min(1).max(500),
    publishableKey: z
      .string()
      .regex(/^pk_[A-Za-z0-9_]{1,250}$/, 'must be a publishable key, `pk_…`')
      .nullable()
      .default(null)
      .describe("Goes to payers' browsers with a client secret."),
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
    publishableKey: replaceable.publishableKey.unwrap().optional(),
    webhookSecret: replaceable.webhookSecret
      .unwrap()
      .optional()
      .describe('Null takes it away: webhooks are refused from then on.'),
  })
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), {
    error: 'must replace the secretKey, the publishableKey or the webhookSecret',
  })
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
