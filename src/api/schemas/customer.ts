import { z } from 'zod';
import { BOOKING_STATES } from '../../domain/booking.ts';
import { Amount, answerSchemas, CurrencyOut, InstantOut, requestSchemas } from './common.ts';

export const NewCustomerToken = z
  .strictObject({
    revokeOthers: z
      .boolean()
      .default(false)
      .describe('Tokens given out before open the booking no more.'),
  })
  .register(requestSchemas, { id: 'NewCustomerToken' });

export const CustomerToken = z
  .object({ customerToken: z.string() })
  .register(answerSchemas, { id: 'CustomerToken' });

/** What a customer sees of the booking: nothing of how it is run. */
export const CustomerBooking = z
  .object({
    id: z.string(),
    state: z.enum(BOOKING_STATES),
    startAt: InstantOut,
    endAt: InstantOut,
    party: z.int(),
    amountMinor: Amount,
    currency: CurrencyOut.nullable(),
    owedMinor: Amount,
    balanceDueAt: InstantOut.nullable(),
    cancellation: z.array(z.object({ beforeMs: z.int(), feePercent: z.int(), feeMinor: Amount })),
    may: z
      .object({ cancel: z.boolean(), move: z.boolean() })
      .describe('What the customer may do alone, once it is confirmed; else the seller is asked.'),
    payment: z.object({
      clientSecret: z.string().nullable().describe('While a payment waits for its payer.'),
      publishableKey: z.string().nullable(),
      connectedAccount: z.string().nullable(),
    }),
  })
  .register(answerSchemas, { id: 'CustomerBooking' });
