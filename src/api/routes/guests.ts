import { eraseCustomer } from '../../store/guests.ts';
import { referenceHashOf } from '../customer-reference.ts';
import { route } from '../route.ts';
import { ErasedGuests, GuestErasure } from '../schemas/booking-search.ts';

export const guestRoutes = [
  route({
    method: 'post',
    path: '/v1/guest-erasures',
    id: 'eraseCustomer',
    tag: 'Bookings',
    summary: 'Erase a customer',
    about:
      'Erases the guest of every booking with this customer reference: name, contact, reference and metadata are gone for good, and the bookings are not found by the reference any more. The bookings, their money and their journal stay. Repeating it changes nothing.',
    scopes: ['bookings:write'],
    body: GuestErasure,
    bodyExample: { reference: 'web-4711' },
    answer: {
      status: 200,
      about: 'Erased.',
      schema: ErasedGuests,
      example: { bookings: 2 },
    },
    problems: [],
    async handle({ caller, body }, { database }) {
      const { tenantId, fingerprintKey } = caller;
      const referenceHash = referenceHashOf(fingerprintKey, body.reference);
      return { body: { bookings: await eraseCustomer(database, { tenantId, referenceHash }) } };
    },
  }),
];
