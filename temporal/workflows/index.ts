export { booking } from './booking.ts';
export { bookingChange } from './booking-change.ts';
export { connection } from './connection.ts';
