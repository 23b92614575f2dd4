/** The demo's side of the emulators: what its owner has at Google, at a feed's host and at Stripe. */
import { DEMO, dateIn, VILLA_EVENTS_PATH } from './demo-names.ts';

export interface World {
  emulatorsUrl: string;
  /** Where the emulators reach the API. */
  publicUrl: string;
}

/** Makes what is missing and leaves the rest as a person may have changed it. */
export async function makeWorld(world: World) {
  await Promise.all([
    makeGoogle(world),
    makeMicrosoft(world),
    makeCaldav(world),
    makeFeed(world),
    makeStripe(world),
  ]);
}

async function makeGoogle(world: World) {
  const { calendarId, owner, refreshToken } = DEMO.villa;
  await control(world, {
    method: 'PUT',
    path: `/google/accounts/${owner}`,
    body: { refreshToken },
  });
  const { calendars } = await control<{ calendars: { id: string }[] }>(world, {
    path: '/google/calendars',
  });
  if (calendars.some(({ id }) => id === calendarId)) return;
  const calendar = { owner, summary: 'Villa', timeZone: 'Europe/Rome' };
  await control(world, { method: 'PUT', path: `/google/calendars/${calendarId}`, body: calendar });
  const stay = {
    summary: 'We are here ourselves',
    start: { date: dateIn(3) },
    end: { date: dateIn(6) },
  };
  await control(world, { method: 'POST', path: VILLA_EVENTS_PATH, body: stay });
}

async function makeMicrosoft(world: World) {
  const { calendarId, owner, refreshToken } = DEMO.practice;
  await control(world, {
    method: 'PUT',
    path: `/microsoft/accounts/${owner}`,
    body: { refreshToken },
  });
  const { calendars } = await control<{ calendars: { id: string }[] }>(world, {
    path: '/microsoft/calendars',
  });
  if (calendars.some(({ id }) => id === calendarId)) return;
  const path = `/microsoft/calendars/${encodeURIComponent(calendarId)}`;
  await control(world, { method: 'PUT', path, body: { account: owner, name: 'Practice' } });
  const at = (hour: string) => ({ dateTime: `${dateIn(4)}T${hour}:00`, timeZone: 'UTC' });
  const body = { subject: 'A patient', start: at('09:00'), end: at('10:00') };
  await control(world, { method: 'POST', path: `${path}/events`, body });
}

async function makeCaldav(world: World) {
  const { calendar, password, user } = DEMO.kayaks;
  await control(world, { method: 'PUT', path: `/caldav/accounts/${user}`, body: { password } });
  if ((await kayaksAt(world)) !== null) return;
  const path = `/caldav/calendars/${calendar}`;
  const body = { owner: user, displayName: 'Kayaks', timezone: 'Europe/Rome' };
  await control(world, { method: 'PUT', path, body });
  const day = dateIn(5).replaceAll('-', '');
  const ics = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//holdfast//demo//EN',
    'BEGIN:VEVENT',
    'UID:demo-tour',
    `DTSTAMP:${day}T000000Z`,
    `DTSTART:${day}T090000Z`,
    `DTEND:${day}T120000Z`,
    'SUMMARY:By telephone',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
  await control(world, { method: 'PUT', path: `${path}/objects/demo-tour.ics`, body: { ics } });
}

/** The address of the CalDAV calendar, which is its id; null where there is none. */
async function kayaksAt(world: World): Promise<string | null> {
  const { calendars } = await control<{ calendars: { id: string; href: string }[] }>(world, {
    path: '/caldav/calendars',
  });
  const found = calendars.find(({ id }) => id === DEMO.kayaks.calendar);
  return found ? new URL(found.href, world.emulatorsUrl).href : null;
}

export async function kayaksUrl(world: World): Promise<string> {
  const address = await kayaksAt(world);
  if (address === null) throw new Error('The emulated CalDAV server has no kayaks.');
  return address;
}

async function makeFeed(world: World) {
  const { feed, feedSecret } = DEMO.studio;
  const { feeds } = await control<{ feeds: { name: string }[] }>(world, { path: '/feeds' });
  if (feeds.some(({ name }) => name === feed)) return;
  const events = [
    { kind: 'reservation', start: dateIn(2), end: dateIn(5) },
    { kind: 'block', start: dateIn(9), end: dateIn(11) },
  ];
  const body = { style: 'airbnb', secret: feedSecret, events };
  await control(world, { method: 'PUT', path: `/feeds/${feed}`, body });
}

async function makeStripe(world: World) {
  const { account, secretKey, publishableKey, webhookSecret } = DEMO.stripe;
  const route = `/v1/payment-webhooks/${DEMO.tenantId}/${DEMO.villa.paymentAccountId}`;
  const webhookUrl = `${world.publicUrl}${route}`;
  const body = { secretKey, publishableKey, webhookSecret, webhookUrl };
  await control(world, { method: 'PUT', path: `/stripe/accounts/${account}`, body });
}

/** Whether Google would tell this API of a change: not after either side was started anew. */
export async function isVillaWatched(world: World): Promise<boolean> {
  const { channels } = await control<{ channels: { calendarId: string; address: string }[] }>(
    world,
    { path: '/google/channels' },
  );
  return channels.some(
    ({ calendarId, address }) =>
      calendarId === DEMO.villa.calendarId && address.startsWith(`${world.publicUrl}/`),
  );
}

export const feedUrl = ({ emulatorsUrl }: World): string =>
  `${emulatorsUrl}/feeds/${DEMO.studio.feed}.ics?s=${DEMO.studio.feedSecret}`;

interface Request {
  method?: string;
  path: string;
  body?: unknown;
}

async function control<T>({ emulatorsUrl }: World, { method, path, body }: Request): Promise<T> {
  const response = await fetch(`${emulatorsUrl}/control${path}`, {
    method: method ?? 'GET',
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (response.ok) return (await response.json()) as T;
  throw new Error(`The emulators refused ${path}: ${response.status} ${await response.text()}`);
}
