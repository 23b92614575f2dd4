import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { startChild, type Child } from '../support/child.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addBrowserAccount } from '../support/payer.ts';
import { addResource } from '../support/scene.ts';

const DAY_MS = 86_400_000;
const VISA = '4242 4242 4242 4242';
const ASKS_THE_BANK = '4000 0027 6000 3184';
const DECLINES = '4000 0000 0000 0002';

let holdfast: Holdfast;
let shop: Child;
let shopUrl = '';
let browser: Browser | null = null;
let whyNot = '';
let context: BrowserContext;
let page: Page;
/** What the page's console and scripts complained of. */
let complaints: string[] = [];

beforeAll(async () => {
  holdfast = await startHoldfast();
  await addBrowserAccount(holdfast);
  const resourceId = await addResource(holdfast, { capacity: 2, settings: SOLD });
  shop = await startChild('examples/shop/server.ts', {
    API_URL: holdfast.apiUrl,
    API_KEY: holdfast.key,
    STRIPE_JS_URL: `${holdfast.emulatorsUrl}/v3/stripe.js`,
    SHOP_RESOURCE: resourceId,
    SHOP_PORT: '0',
  });
  shopUrl = String(shop.ready['listening']);
  browser = await openBrowser().catch((error: Error) => {
    whyNot = error.message;
    return null;
  });
});
beforeEach(async ({ skip }) => {
  // Counted as a failure where nobody reads the reason (test/support/reporter.ts).
  if (!browser) return skip(whyNot);
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  return () => context.close();
});
afterAll(async () => {
  await browser?.close();
  await shop?.stop();
  await holdfast?.stop();
});

const SOLD = {
  soldBy: 'night',
  nights: { checkIn: '15:00', checkOut: '10:00', maxNights: 7 },
  price: { per: 'night', amountMinor: 12_000, currency: 'eur' },
  cancellation: [{ beforeMs: DAY_MS, feePercent: 50, feeMinor: 0 }],
};

/** A day that the calendar of the page shows. */
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
const press = (day: string) => page.click(`[data-day="${day}"]`);
const says = (text: string | RegExp) => page.getByText(text).first().waitFor();

async function hold(arrival: number, nights: number): Promise<string> {
  await page.goto(shopUrl);
  await press(inDays(arrival));
  await press(inDays(arrival + nights));
  await page.fill('#name', 'Ada Rossi');
  await page.click('#hold');
  await page.locator('#card iframe').waitFor();
  const [, id] = await currentBooking();
  return id;
}

/** By the guest's token, which the page's address carries. */
async function currentBooking(): Promise<[Record<string, unknown>, string]> {
  const token = new URL(page.url()).hash.slice(1);
  const { body } = await holdfast.call('GET', '/customer/booking', undefined, {
    authorization: `Bearer ${token}`,
  });
  return [body as Record<string, unknown>, (body as { id: string }).id];
}

async function pay(card: string): Promise<void> {
  const frame = page.frameLocator('#card iframe');
  await frame.locator('[name=number]').fill(card);
  await frame.locator('[name=expiry]').fill('12/34');
  await frame.locator('[name=cvc]').fill('123');
  await page.click('#pay-now');
}

const bank = () => page.frameLocator('iframe[name=stripe-challenge-frame]');
const money = async (id: string) => {
  const { body } = await holdfast.call('GET', `/bookings/${id}`);
  return (body as { payment: { capturedMinor: number; refundedMinor: number } }).payment;
};
const untilMoney = (id: string, capturedMinor: number, refundedMinor: number) =>
  until(
    () => money(id),
    (now) => now.capturedMinor === capturedMinor && now.refundedMinor === refundedMinor,
  );

it('a guest books, after a declined card and a refusal at the bank, and no key reaches the page', async () => {
  const seen: string[] = [];
  page.on('response', (response) => {
    if (response.url().startsWith(shopUrl))
      void response.text().then(
        (text) => seen.push(text),
        () => undefined,
      );
  });
  const id = await hold(10, 2);
  await pay(DECLINES);
  await page.locator('#refused:not(:empty)').waitFor();
  await pay(ASKS_THE_BANK);
  await bank().locator('#test-source-fail-3ds').click();
  await page.locator('#refused:not(:empty)').waitFor();
  await pay(ASKS_THE_BANK);
  await bank().locator('#test-source-authorize-3ds').click();
  await says('Your stay is booked.');
  await untilMoney(id, 24_000, 0);
  expect(seen.join()).toContain('"nights"');
  expect(seen.join()).not.toContain(holdfast.key);
  expect(complaints).toEqual([]);
});

it('the address is the guest’s: loaded again it shows the booking, and a hold can be given up', async () => {
  const id = await hold(20, 1);
  await page.reload();
  await says('Your nights are held while you pay.');
  await page.locator('#card iframe').waitFor();
  await page.click('#give-up');
  await says('Your stay is cancelled.');
  expect(await money(id)).toMatchObject({ capturedMinor: 0 });
  expect(complaints).toEqual([]);
});

it('a longer stay is moved to once the difference is paid, and a shorter one gives money back', async () => {
  const id = await hold(30, 2);
  await pay(VISA);
  await says('Your stay is booked.');
  await untilMoney(id, 24_000, 0);
  await moveTo(31, 3);
  await says(/€120\.00 is to be paid/);
  await page.click('#accept');
  await pay(ASKS_THE_BANK);
  await bank().locator('#test-source-authorize-3ds').click();
  await says('Your stay is booked.');
  expect((await currentBooking())[0]).toMatchObject({ amountMinor: 36_000 });
  await untilMoney(id, 36_000, 0);
  await moveTo(32, 1);
  await says(/€240\.00 comes back to you/);
  await page.click('#accept');
  await says('Your stay is booked.');
  await untilMoney(id, 36_000, 24_000);
  expect(complaints).toEqual([]);
});

it('a cancellation is quoted first, and exactly that is given back', async () => {
  const id = await hold(40, 1);
  await pay(VISA);
  await says('Your stay is booked.');
  await untilMoney(id, 12_000, 0);
  await page.click('#ask-cancel');
  await says(/€60\.00 is kept, €60\.00 comes back to you/);
  await page.click('#keep');
  await page.click('#ask-cancel');
  await page.click('#accept');
  await says('Your stay is cancelled.');
  await untilMoney(id, 12_000, 6_000);
  expect(complaints).toEqual([]);
});

async function moveTo(arrival: number, nights: number): Promise<void> {
  await page.click('#ask-move');
  await press(inDays(arrival));
  await press(inDays(arrival + nights));
  await page.click('#hold');
}
