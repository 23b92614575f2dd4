import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addPaymentAccount, addResource, at, connectGoogle } from '../support/scene.ts';

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterAll(async () => {
  await holdfast.stop();
});

it('an edit at the Google emulator becomes availability', async () => {
  const resourceId = await addResource(holdfast);
  const { calendarId } = await connectGoogle(holdfast, { resourceId });
  const ask = () =>
    holdfast.call(
      'GET',
      `/resources/${resourceId}/availability?from=${at(2, 0)}&to=${at(3, 0)}&durationMinutes=60`,
    );
  const before = await ask();
  expect(before.body).toMatchObject({ spans: [{ startAt: at(2, 0), endAt: at(3, 0) }] });
  await holdfast.control('POST', `/google/calendars/${encodeURIComponent(calendarId)}/events`, {
    summary: 'Dentist',
    start: { dateTime: at(2, 9) },
    end: { dateTime: at(2, 10) },
  });
  const after = await until(ask, ({ body }) => body.spans?.length === 2);
  expect(after.body.spans).toHaveLength(2);
});

it('a paid booking is held, authorized, committed, captured and mirrored', async () => {
  const accountId = await addPaymentAccount(holdfast);
  const resourceId = await addResource(holdfast, {
    settings: { price: { per: 'booking', amountMinor: 12_000, currency: 'eur' } },
  });
  const { calendarId } = await connectGoogle(holdfast, { resourceId });
  const booked = await holdfast.call(
    'POST',
    '/bookings',
    {
      resourceId,
      startAt: at(5, 9),
      endAt: at(5, 10),
      payment: { kind: 'method', paymentMethod: 'pm_card_visa', accountId },
      guest: { name: 'Ada' },
    },
    { prefer: 'wait=10' },
  );
  expect(booked.status).toBe(201);
  const done = await until(
    () => holdfast.call('GET', `/bookings/${booked.body.id}`),
    ({ body }) => body.state === 'confirmed' && body.payment.status === 'captured',
  );
  expect(done.body.amountMinor).toBe(12_000);
  await until(
    () =>
      holdfast.control<{ events: unknown[] }>(
        'GET',
        `/google/calendars/${encodeURIComponent(calendarId)}/events`,
      ),
    (answer) => JSON.stringify(answer).includes(booked.body.id),
  );
});
