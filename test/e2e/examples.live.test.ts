import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { calendarPath } from '../support/calendar.ts';
import { untilEven } from '../support/money.ts';
import { fault, liftFaults, STRIPE_CALLS } from '../support/outside.ts';
import { addBrowserAccount, payerConfirms } from '../support/payer.ts';
import { addResource, at, connectGoogle } from '../support/scene.ts';
import { booked, openShop } from '../support/shop.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let holdfast: Holdfast;
/** The tenant's only one, so that nobody has to name it. */
let accountId = '';
beforeAll(async () => {
  holdfast = await startHoldfast();
  accountId = (await addBrowserAccount(holdfast)).id;
});
afterAll(() => holdfast.stop());

async function runExample(name: string, ...args: string[]): Promise<string> {
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = holdfast.env;
  const settings = { API_URL: holdfast.apiUrl, API_KEY: holdfast.key };
  const { stdout } = await promisify(execFile)(process.execPath, [`examples/${name}.ts`, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...settings, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE },
  });
  return stdout;
}

it('a backend sells a night to an order, once however often it is run', async () => {
  const price = { per: 'night', amountMinor: 9_000, currency: 'eur' };
  const resourceId = await addResource(holdfast, { settings: { price } });
  const night = at(100).slice(0, 10);
  const first = await runExample('backend', resourceId, night, 'order-4711');
  expect(first).toMatch(/^booking [0-9a-f-]{36}: confirmed, captured$/m);
  expect(await runExample('backend', resourceId, night, 'order-4711')).toBe(first);
  expect(await runExample('backend', resourceId, night, 'order-4712')).toContain('free instead');
});

const byNight = (cancellation: object[] = []) => ({
  soldBy: 'night',
  nights: { checkIn: '15:00', checkOut: '10:00' },
  price: { per: 'night', amountMinor: 9_000, currency: 'eur' },
  cancellation,
});

it('a front end holds one stay for two clicks, and its guest moves and cancels it by the token', async () => {
  const half = { beforeMs: 86_400_000, feePercent: 50, feeMinor: 0 };
  const resourceId = await addResource(holdfast, { settings: byNight([half]) });
  const printed = await runExample('front-end', resourceId, '2');
  const [, id = '', same] = /held (\S+): paying; the second click found (\S+)/.exec(printed) ?? [];
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(same).toBe(id);
  expect(printed).toMatch(/for Stripe.js: pk_\S+ pi_\S+_secret_/);
  expect(printed).toContain('the next guest: 409 /problems/not-available');
  const [, token = ''] = /for the guest, until \S+: (\S+)/.exec(printed) ?? [];

  await payerConfirms(holdfast, id);
  await until(
    () => runExample('guest', token),
    (told) => told.startsWith('confirmed'),
  );
  const [from, to, longer] = [70, 72, 73].map((days) => at(days).slice(0, 10)) as [
    string,
    string,
    string,
  ];
  const moved = await runExample('guest', token, 'move', from, to);
  expect(moved).toContain('to pay 0, back 0');
  expect(moved).toContain(`confirmed, from ${from}`);
  const dearer = await runExample('guest', token, 'move', from, longer);
  expect(dearer).toMatch(/to pay 9000, back 0[^]*confirmed, [^]*to be paid in the browser: pi_/);
  await payerConfirms(holdfast, id);
  await until(
    () => runExample('guest', token),
    (told) => told.includes(`to ${longer}`),
  );
  const over = await runExample('guest', token, 'cancel');
  expect(over).toMatch(/^kept 13500, back 13500[^]*cancelled/);
  await untilEven(holdfast, id, 13_500);
});

it('an operator finds the connection that needs a person, and pauses and resumes it', async () => {
  const resourceId = await addResource(holdfast);
  const { connectionId } = await connectGoogle(holdfast, { resourceId });
  const workflowId = `connection/${holdfast.tenantId}/${connectionId}`;
  expect(await runExample('operator')).not.toContain(workflowId);
  expect(await runExample('operator', 'pause', workflowId)).toContain(': paused');
  await until(
    () => runExample('operator'),
    (printed) => printed.includes(`${workflowId}: paused`),
  );
  expect(await runExample('operator', 'resume', workflowId)).toContain(': live');
});

it('an operator finds the conflict that asks and decides who keeps the time', async () => {
  const shop = await openShop(holdfast, {
    calendar: true,
    settings: { conflicts: { rule: 'ask' } },
  });
  const asked = await booked(holdfast, shop);
  const end = { dateTime: new Date(Date.parse(asked.startAt) + 7_200_000).toISOString() };
  const event = { summary: 'Family', start: { dateTime: asked.startAt }, end };
  await holdfast.control('POST', `${calendarPath(shop.calendarId!)}/events`, event);
  const { body } = await until(
    () => holdfast.call('GET', `/conflicts?bookingId=${asked.id}`),
    ({ body: found }) => found.items.length === 1,
  );
  const { workflowId } = body.items[0].links;
  await until(
    () => runExample('operator'),
    (printed) => printed.includes(`${workflowId}: conflict`),
    30_000,
  );
  expect(await runExample('operator', 'decide', workflowId, 'theirs')).toContain('theirs is kept');
  await untilEven(holdfast, asked.id, 0);
});

it('an operator finds a step that is stuck, and says that it was done by hand', async () => {
  const shop = await openShop(holdfast, { accountId });
  await fault(holdfast, { ...STRIPE_CALLS.capture, status: 503, times: 100_000 });
  const { id } = await booked(holdfast, shop);
  const workflowId = `booking/${holdfast.tenantId}/${id}`;
  await until(
    () => runExample('operator'),
    (printed) => printed.includes(`${workflowId}: stuck-capture-payment`),
    90_000,
  );
  const reason = 'captured in the dashboard, case 1';
  expect(await runExample('operator', 'resolve', workflowId, reason)).toContain(': resolved');
  expect((await holdfast.call('GET', `/bookings/${id}`)).body.attentions).toEqual([]);
  await liftFaults(holdfast);
}, 150_000);
