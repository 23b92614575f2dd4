/**
 * A backend service: sells a night to a guest, and may be run again after a crash at any point.
 * In a project of your own the import is `from 'holdfast/client'`.
 *
 *   node scripts/run.js examples/backend.ts villa 2027-03-01 order-4711
 */
import { createHoldfastClient, HoldfastError } from '../temporal/holdfast-client.ts';
import type { Booking } from '../temporal/holdfast-client.ts';

const holdfast = createHoldfastClient({
  apiUrl: process.env['API_URL'] ?? 'http://127.0.0.1:8400',
  apiKey: process.env['API_KEY'] ?? 'hf_demo_loopback-only',
});

const [resourceId, night, order] = process.argv.slice(2);
if (!resourceId || !night || !order)
  throw new Error('Say what, when and for which order: villa 2027-03-01 order-4711');

const checkInAt = Date.parse(`${night}T14:00:00Z`);
const stay = {
  startAt: new Date(checkInAt).toISOString(),
  endAt: new Date(checkInAt + 19 * 3_600_000).toISOString(),
};

async function sell(resource: string, reference: string): Promise<Booking | null> {
  try {
    // The order's own number is the key: the same call again answers with the same booking.
    return await holdfast.bookings.create(
      {
        resourceId: resource,
        ...stay,
        payment: { kind: 'method', paymentMethod: 'pm_card_visa' },
        guest: { name: 'Ada Rossi', reference },
      },
      { idempotencyKey: reference, waitSeconds: 20 },
    );
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.type !== 'not-available') throw error;
    console.log(`taken; free instead: ${JSON.stringify(error.more['nearest'])}`);
    return null;
  }
}

const booking = await sell(resourceId, order);
if (booking) {
  const { id, state, reason, payment } = booking;
  // A declined card is an outcome, not an error: the money was never taken and the night is free.
  console.log(`booking ${id}: ${state}${reason ? ` (${reason})` : ''}, ${payment.status}`);
}
