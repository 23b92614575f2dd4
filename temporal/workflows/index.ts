export { booking } from './booking.ts';
export { bookingChange } from './booking-change.ts';
export { bookingSettle } from './booking-settle.ts';
export { connection } from './connection.ts';
