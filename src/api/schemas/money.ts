import { z } from 'zod';
import { Reason } from './change.ts';
import { Amount, answerSchemas, CurrencyOut, InstantOut, requestSchemas } from './common.ts';
import { Confirmation } from './booking.ts';

export const NewRefund = z
  .strictObject({
    amountMinor: Amount.min(1).describe('At most what is kept of the booking as things stand.'),
    reason: Reason.default('requested'),
    reference: Confirmation.shape.reference
      .optional()
      .describe('Your own, where an `external` payment went back by your own means.'),
  })
  .register(requestSchemas, { id: 'NewRefund' });

export const Refund = z
  .object({
    key: z
      .string()
      .describe('Our key at the payment service; `outside:…` of one that was made there.'),
    payment: z.int().describe('The number of the payment it goes back from.'),
    amountMinor: Amount,
    reason: z.string(),
    status: z
      .enum(['asked', 'pending', 'succeeded', 'failed'])
      .describe(
        '`asked` of an external payment: give it back by your own means. One that failed calls a person.',
      ),
    resolution: z
      .enum(['retried', 'by-hand'])
      .nullable()
      .describe('What was decided about one that failed.'),
    reference: z.string().nullable(),
    createdAt: InstantOut,
    updatedAt: InstantOut,
  })
  .register(answerSchemas, { id: 'Refund' });

export const RefundList = z
  .object({
    items: z.array(Refund),
    refundableMinor: Amount.describe('What can still be given back.'),
  })
  .register(answerSchemas, { id: 'RefundList' });

export const BookingPayment = z
  .object({
    n: z.int(),
    purpose: z.enum(['booking', 'deposit', 'balance', 'difference', 'renewal']),
    status: z.string(),
    amountMinor: Amount,
    capturedMinor: Amount,
    refundedMinor: Amount,
    currency: CurrencyOut.or(z.literal('')),
    declineCode: z.string().nullable(),
    dispute: z
      .enum(['opened', 'won', 'lost'])
      .nullable()
      .describe(
        'The payer disputes it with the bank: answer there, at the payment service. While it is open nothing can be refunded; lost, the money is gone whatever the booking says.',
      ),
    outcome: z.string().nullable(),
    reference: z.string().nullable(),
    captureBeforeAt: InstantOut.nullable(),
    createdAt: InstantOut,
  })
  .register(answerSchemas, { id: 'BookingPayment' });

export const LinkedPayment = z
  .object({
    state: z.enum(['open', 'paid', 'over']),
    amountMinor: Amount,
    currency: CurrencyOut,
    payUntilAt: InstantOut.nullable(),
    clientSecret: z.string().nullable(),
    publishableKey: z.string().nullable(),
    connectedAccount: z.string().nullable(),
  })
  .register(answerSchemas, { id: 'LinkedPayment' });

export const BookingPayments = z
  .object({
    items: z.array(BookingPayment).describe('By number.'),
    due: z
      .array(
        z.object({
          kind: z.enum(['balance', 'reauthorize']),
          payment: z.int().nullable().describe('Null before it was tried.'),
          amountMinor: Amount,
          nextAt: InstantOut.describe('Charged, tried again or looked at next.'),
          payUntilAt: InstantOut.nullable().describe("The payer's turn, until then."),
          paymentLink: z
            .string()
            .nullable()
            .describe(
              'For the payer alone: a page of ours where he pays it. Or let him on a page of yours, with `payment.clientSecret` of the booking. Null before the payment was tried.',
            ),
        }),
      )
      .describe('What is still to be collected.'),
  })
  .register(answerSchemas, { id: 'BookingPayments' });
