/** The tour's stories of one booking: paid in a browser, moved, called off by a quote, contested. */
import type { Booking } from '../temporal/holdfast-client.ts';
import { DEMO, VILLA_EVENTS_PATH } from './demo-names.ts';
import {
  control,
  euros,
  expect,
  hoursAfter,
  say,
  since,
  tellRun,
  title,
  until,
} from './tour-place.ts';
import type { Place } from './tour-place.ts';

const { villa, cabin } = DEMO;
const DAY_MS = 86_400_000;
/** Three days on half of the price is kept when the cabin is called off. */
const SOON_MS = 3 * DAY_MS;

export async function browserStories(place: Place) {
  const booking = await payInBrowser(place);
  await moveBooking(place, booking);
  await cancelByQuote(place, booking);
}

async function payInBrowser(place: Place): Promise<Booking> {
  title('A guest pays in the browser, and the bank asks');
  const { holdfast, running } = place;
  const { arrivalDay, lastDay } = await freeStay(place);
  const startedAt = performance.now();
  const held = await holdfast.bookings.create({
    resourceId: cabin.resourceId,
    arrivalDay,
    departureDay: lastDay,
    payment: { kind: 'browser' },
    guest: { name: 'Ada' },
  });
  say(`held as ${held.id}, with what Stripe.js needs`, since(startedAt));
  const { customerToken } = await holdfast.bookings.customerToken(held.id);
  const intent = await payerConfirms(place, held, 'pm_card_authenticationRequired');
  say('the bank asks the payer', since(startedAt));
  await payerDoes(place, `${intent}/authenticate`);
  await untilBooking(place, held, ({ state }) => state === 'confirmed');
  say('confirmed by the signed webhook', since(startedAt));
  console.log(`            ${running.shopUrl}/#${customerToken}`);
  tellRun(place, held.links.workflowId);
  return held;
}

async function moveBooking(place: Place, booking: Booking) {
  title('The guest stays a night longer');
  const { bookings } = place.holdfast;
  const endAt = new Date(Date.parse(booking.endAt) + DAY_MS).toISOString();
  const arrivalDay = localDay(booking.startAt);
  const startedAt = performance.now();
  const departureDay = localDay(endAt);
  const quote = await bookings.quoteReschedule(booking.id, { arrivalDay, departureDay });
  say(`quoted: ${euros(quote.chargeMinor)} more`, since(startedAt));
  const payment = { kind: 'browser' } as const;
  const waiting = await bookings.reschedule(booking.id, { quoteId: quote.id, payment });
  expect(waiting.endAt === booking.endAt, 'the old time is in force until the new one is paid');
  say('the new night is held beside the old ones', since(startedAt));
  await payerConfirms(place, waiting, 'pm_card_visa');
  await untilBooking(place, booking, (now) => now.endAt === quote.endAt);
  say('moved in one switch, the difference paid', since(startedAt));
}

async function cancelByQuote(place: Place, { id }: Booking) {
  title('The guest asks what a cancellation costs, and cancels');
  const { bookings } = place.holdfast;
  const startedAt = performance.now();
  const quote = await bookings.quoteCancellation(id);
  const { keepMinor, refundMinor } = quote;
  say(`quoted: ${euros(keepMinor)} is kept, ${euros(refundMinor)} goes back`, since(startedAt));
  await bookings.cancel(id, { quoteId: quote.id, reason: 'guest-request' });
  say('cancelled', since(startedAt));
  await until(
    'exactly the quoted sum is refunded',
    () => bookings.get(id),
    ({ payment }) => payment.refundedMinor === refundMinor,
  );
  say(`refunded ${euros(refundMinor)}`, since(startedAt));
}

/** The owner takes the time of a booking in Google Calendar, and a person decides. */
export async function decideConflict(place: Place, dayAt: number) {
  title('The owner takes the time of a paid booking');
  const { holdfast, running } = place;
  const span = { startAt: hoursAfter(dayAt, 14), endAt: hoursAfter(dayAt, 33) };
  const payment = { kind: 'method', paymentMethod: 'pm_card_visa' } as const;
  const booking = await holdfast.bookings.create(
    { resourceId: villa.resourceId, ...span, payment },
    { waitSeconds: 20 },
  );
  const startedAt = performance.now();
  const body = {
    start: { dateTime: hoursAfter(dayAt, 12) },
    end: { dateTime: hoursAfter(dayAt, 36) },
  };
  const { event } = await control<{ event: { id: string } }>(running, {
    method: 'POST',
    path: VILLA_EVENTS_PATH,
    body,
  });
  const { items } = await until(
    'the conflict is found',
    () => holdfast.conflicts.list({ bookingId: booking.id }),
    (found) => found.items.length > 0,
  );
  const [conflict] = items;
  say('found; the resource’s rule is to ask', since(startedAt));
  await holdfast.conflicts.decide(conflict!.id, { keep: 'theirs' });
  say('decided: theirs', since(startedAt));
  await untilBooking(
    place,
    booking,
    ({ state, payment: paid }) =>
      state === 'cancelled' && paid.refundedMinor === paid.capturedMinor,
  );
  say('cancelled, everything given back', since(startedAt));
  await control(running, { method: 'DELETE', path: `${VILLA_EVENTS_PATH}/${event.id}` });
  tellRun(place, conflict!.links.workflowId);
}

/** Three nights that are free: two to book, and one to stay longer. */
async function freeStay({ holdfast }: Place): Promise<{ arrivalDay: string; lastDay: string }> {
  const { stays = [] } = await holdfast.resources.availability(cabin.resourceId, {
    from: new Date(Date.now() + SOON_MS).toISOString(),
    to: new Date(Date.now() + SOON_MS + 300 * DAY_MS).toISOString(),
    as: 'stays',
    nights: 3,
  });
  const [first] = stays;
  if (!first) throw new Error('The cabin is full: start over with npm start -- --fresh.');
  return {
    arrivalDay: first.arrivalDay,
    lastDay: localDay(hoursAfter(Date.parse(first.endAt), -24)),
  };
}

const localDay = (instant: string): string =>
  new Date(instant).toLocaleDateString('en-CA', { timeZone: 'Europe/Rome' });

const untilBooking = (place: Place, { id }: Booking, passes: (now: Booking) => boolean) =>
  until('the booking is as it should be', () => place.holdfast.bookings.get(id), passes);

/** What Stripe.js does in the payer's browser, by the client secret alone. Answers with the intent. */
async function payerConfirms(place: Place, { payment }: Booking, paymentMethod: string) {
  const clientSecret = payment.clientSecret ?? '';
  const [intent = ''] = clientSecret.split('_secret_');
  const body = { clientSecret, paymentMethod };
  await payerDoes(place, `${intent}/confirm-as-customer`, body);
  return intent;
}

const payerDoes = ({ running }: Place, deed: string, body: object = {}) =>
  control(running, { method: 'POST', path: `/stripe/intents/${deed}`, body });
