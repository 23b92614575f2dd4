import { z } from 'zod';
import { BOOKING_STATES } from '../../domain/booking.ts';
import { Guest } from './booking.ts';
import { answerSchemas, Id, Instant, requestSchemas } from './common.ts';

export const GuestErasure = z
  .strictObject({ reference: Guest.shape.reference.unwrap() })
  .register(requestSchemas, { id: 'GuestErasure' });
export const ErasedGuests = z
  .object({ bookings: z.int().describe('Whose guest was erased now.') })
  .register(answerSchemas, { id: 'ErasedGuests' });

/** What bookings are searched by; all that is given must hold. */
export const bookingFilters = {
  state: z.enum(BOOKING_STATES).optional(),
  resourceId: Id.optional(),
  sessionId: Id.optional(),
  from: Instant.optional().describe('Bookings that end after this.'),
  to: Instant.optional().describe('Bookings that start before this.'),
  reference: Guest.shape.reference
    .unwrap()
    .optional()
    .describe('The customer reference that was given as `guest.reference`; case does not count.'),
  attention: z.enum(['true']).optional().describe('Those a person has to look at.'),
};
