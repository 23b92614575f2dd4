/** The demo's fixed names: the README, the tour and the tests go by them. */
const KEY_ID = 'demo';
const KEY_SECRET = 'loopback-only';

export const DEMO = {
  tenantId: 'demo',
  keyId: KEY_ID,
  keySecret: KEY_SECRET,
  /** No secret: everybody has it. It works from this machine only, and `npm start` alone makes it. */
  apiKey: `hf_${KEY_ID}_${KEY_SECRET}`,
  villa: {
    resourceId: 'villa',
    connectionId: 'villa-google',
    accountId: 'demo-google',
    calendarId: 'villa@group.calendar.google.com',
    owner: 'owner@example.com',
    /** Known on both sides, so that either can be made again without the other. */
    refreshToken: '1//0-demo-refresh-token',
    paymentAccountId: 'demo-stripe',
  },
  studio: {
    resourceId: 'studio',
    connectionId: 'studio-feed',
    accountId: 'demo-feed',
    feed: 'studio',
    feedSecret: 'demo',
  },
  practice: {
    resourceId: 'practice',
    connectionId: 'practice-microsoft',
    accountId: 'demo-microsoft',
    calendarId: 'AAMkDemoPractice=',
    owner: 'practice@example.com',
    refreshToken: 'M.C0_demo-refresh-token',
  },
  kayaks: {
    resourceId: 'kayaks',
    /** A calendar without units on a resource of several. */
    capacity: 4,
    connectionId: 'kayaks-caldav',
    accountId: 'demo-caldav',
    calendar: 'kayaks',
    user: 'kayaks',
    password: 'demo-demo-demo-demo',
  },
  /** Sold by the night, on the booking page. */
  cabin: { resourceId: 'cabin' },
  stripe: {
    account: 'acct_demo',
    secretKey: 'sk_test_demo',
    publishableKey: 'pk_test_demo',
    webhookSecret: 'whsec_demo',
  },
} as const;

export const VILLA_EVENTS_PATH = `/google/calendars/${DEMO.villa.calendarId}/events`;

const DAY_MS = 86_400_000;

/** `2027-01-31`, so many days after today (UTC). */
export const dateIn = (days: number): string =>
  new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
