/** `npm run tour`: the main job, played against a running Holdfast, with what happened and how fast. */
import { randomUUID } from 'node:crypto';
import type { Booking, NewBooking } from '../temporal/holdfast-client.ts';
import { DEMO, VILLA_EVENTS_PATH } from './demo-names.ts';
import { browserStories, decideConflict } from './tour-bookings.ts';
import {
  control,
  euros,
  expect,
  firstFreeDay,
  hoursAfter,
  isFree,
  mirrorsOf,
  openPlace,
  say,
  since,
  tellRun,
  title,
  unlessRefused,
  until,
} from './tour-place.ts';
import type { Place } from './tour-place.ts';

const { villa, studio } = DEMO;
const RIVALS = 50;
const NOTIFICATIONS = 200;

async function main() {
  const place = await openPlace();
  try {
    await showFreshness(place);
    const dayAt = await firstFreeDay(place, villa.resourceId, 4);
    await editCalendar(place, dayAt);
    const booking = await bookAndMirror(place, dayAt);
    await declineCard(place, dayAt);
    await cancelBooking(place, booking);
    await browserStories(place);
    await decideConflict(place, dayAt);
    await raceForOneSlot(place);
    await stormOfNotifications(place);
  } finally {
    await place.close();
  }
}

async function showFreshness({ holdfast }: Place) {
  title('What is free, and how fresh that is');
  for (const { resourceId } of [villa, studio]) {
    const startedAt = performance.now();
    const from = new Date().toISOString();
    const to = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const answer = await holdfast.resources.availability(resourceId, { from, to });
    const took = since(startedAt);
    const ageS = (Date.now() - Date.parse(answer.freshness.confirmedAt ?? answer.asOf)) / 1_000;
    const fresh = answer.freshness.holds ? 'within its bound' : 'beyond its bound';
    say(
      `${resourceId}: ${answer.spans?.length} free spans, ${ageS.toFixed(0)} s old, ${fresh}`,
      took,
    );
  }
}

async function editCalendar(place: Place, dayAt: number) {
  title("The owner takes a day in the channel's calendar");
  const span = { startAt: hoursAfter(dayAt, 48), endAt: hoursAfter(dayAt, 72) };
  const body = { start: { dateTime: span.startAt }, end: { dateTime: span.endAt } };
  const startedAt = performance.now();
  const { event } = await control<{ event: { id: string } }>(place.running, {
    method: 'POST',
    path: VILLA_EVENTS_PATH,
    body,
  });
  const free = () => isFree(place, villa.resourceId, span);
  await until('the day is taken', free, (isStillFree) => !isStillFree);
  say('edited there, visible here', since(startedAt));
  const removedAt = performance.now();
  await control(place.running, { method: 'DELETE', path: `${VILLA_EVENTS_PATH}/${event.id}` });
  await until('the day is free', free, (isFreeAgain) => isFreeAgain);
  say('removed there, free here', since(removedAt));
  tellRun(place, `connection/${DEMO.tenantId}/${villa.connectionId}`);
}

async function bookAndMirror(place: Place, dayAt: number): Promise<Booking> {
  title('A guest books a night and pays by card');
  const { holdfast } = place;
  const wanted = stay(dayAt, 'pm_card_visa');
  const idempotencyKey = randomUUID();
  const startedAt = performance.now();
  const booking = await holdfast.bookings.create(wanted, { idempotencyKey });
  say(`held as ${booking.id}`, since(startedAt));
  const read = () => holdfast.bookings.get(booking.id);
  await until('confirmed', read, ({ state }) => state === 'confirmed');
  say('confirmed', since(startedAt));
  const { payment } = await until('captured', read, (now) => now.payment.status === 'captured');
  say(`captured ${euros(payment.capturedMinor)}`, since(startedAt));
  await until(
    'mirrored',
    () => mirrorsOf(place, booking),
    (count) => count === 1,
  );
  say("in the owner's calendar", since(startedAt));
  const repeatedAt = performance.now();
  const same = await holdfast.bookings.create(wanted, { idempotencyKey });
  expect(same.id === booking.id, 'the same POST again is the same booking');
  say('the same POST again: the same booking', since(repeatedAt));
  tellRun(place, booking.links.workflowId);
  return booking;
}

async function declineCard(place: Place, dayAt: number) {
  title('A card that declines');
  const wanted = stay(dayAt + 86_400_000, 'pm_card_chargeDeclined');
  const startedAt = performance.now();
  const booking = await place.holdfast.bookings.create(wanted, { waitSeconds: 20 });
  expect(booking.state === 'declined', `the booking is declined, not ${booking.state}`);
  say(`declined (${booking.reason}), nothing charged`, since(startedAt));
  const { startAt, endAt } = wanted;
  await until('free again', () => isFree(place, villa.resourceId, { startAt, endAt }), Boolean);
  say('the slot is free again', since(startedAt));
  tellRun(place, booking.links.workflowId);
}

async function cancelBooking(place: Place, booking: Booking) {
  title('The guest cancels');
  const { holdfast } = place;
  const startedAt = performance.now();
  await holdfast.bookings.cancel(booking.id, { reason: 'guest-request' });
  say('cancelled', since(startedAt));
  const { payment } = await until(
    'refunded',
    () => holdfast.bookings.get(booking.id),
    (now) => now.payment.refundedMinor === now.payment.capturedMinor,
  );
  say(`refunded ${euros(payment.refundedMinor)}`, since(startedAt));
  await until(
    'no mirror',
    () => mirrorsOf(place, booking),
    (count) => count === 0,
  );
  say("gone from the owner's calendar", since(startedAt));
}

async function raceForOneSlot(place: Place) {
  title(`${RIVALS} rivals for one slot`);
  const { bookings } = place.holdfast;
  const dayAt = await firstFreeDay(place, studio.resourceId, 1);
  const wanted: NewBooking = {
    resourceId: studio.resourceId,
    startAt: hoursAfter(dayAt, 9),
    endAt: hoursAfter(dayAt, 10),
    payment: { kind: 'none' },
  };
  const startedAt = performance.now();
  const rivals = Array.from({ length: RIVALS }, () =>
    unlessRefused(bookings.create(wanted), 'not-available'),
  );
  const winners = (await Promise.all(rivals)).filter((booking) => booking !== null);
  expect(winners.length === 1, `exactly one rival wins, not ${winners.length}`);
  say(`1 booked, ${RIVALS - 1} refused`, since(startedAt));
  await bookings.cancel(winners[0]!.id, { reason: 'tour-over' });
}

async function stormOfNotifications(place: Place) {
  title(`${NOTIFICATIONS} notifications at once`);
  const { running, holdfast } = place;
  const connection = await holdfast.connections.get(villa.connectionId);
  const followed = holdfast.connections.follow(connection);
  const { channels } = await control<{ channels: { id: string; calendarId: string }[] }>(running, {
    path: '/google/channels',
  });
  const watch = channels.find(({ calendarId }) => calendarId === villa.calendarId);
  expect(watch !== undefined, 'the calendar is watched');
  const before = (await followed.status()).passes;
  const startedAt = performance.now();
  const path = `/google/channels/${watch!.id}/notify`;
  await control(running, { method: 'POST', path, body: { times: NOTIFICATIONS } });
  say('all acknowledged', since(startedAt));
  await holdfast.connections.syncNow(villa.connectionId);
  const { passes } = await followed.status();
  say(`${passes - before} passes, one of them asked for at the end`, since(startedAt));
  tellRun(place, followed.workflowId);
}

/** From 14:00 to 09:00 the next day. */
const stay = (dayAt: number, paymentMethod: string) =>
  ({
    resourceId: villa.resourceId,
    startAt: hoursAfter(dayAt, 14),
    endAt: hoursAfter(dayAt, 33),
    payment: { kind: 'method', paymentMethod },
    guest: { name: 'Ada' },
  }) satisfies NewBooking;

main().then(
  () => console.log('\nAll as it should be.'),
  (error: unknown) => {
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  },
);
