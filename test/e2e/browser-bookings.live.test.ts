import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../../src/store/keys.ts';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import {
  addBrowserAccount,
  does,
  intentOf,
  liftWebhookFaults,
  payerConfirms,
  webhookFault,
  type BrowserAccount,
} from '../support/payer.ts';
import { book, cancel, openShop, PRICE_MINOR, shortenHolds, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let account: BrowserAccount;
let shop: Shop;
/** Whose holds last a few seconds. */
let hasty: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  account = await addBrowserAccount(holdfast);
  shop = await openShop(holdfast, { accountId: account.id });
  hasty = await openShop(holdfast, { accountId: account.id });
  await shortenHolds(holdfast, hasty, 6_000);
});
afterEach(() => liftWebhookFaults(holdfast));
afterAll(() => holdfast.stop());

const browser = { payment: { kind: 'browser' } };
const inBrowser = async (at: Shop = shop) => {
  const asked = book(holdfast, at, browser);
  const answer = await asked.answer;
  expect(answer?.status).toBe(201);
  return { asked, id: asked.id, body: answer!.body };
};
const read = async (id: string) => (await holdfast.call('GET', `/bookings/${id}`)).body;
const untilState = (id: string, state: string) =>
  until(
    () => read(id),
    (body) => body.state === state,
  );
/** How it ended, once it is confirmed and nothing is wrong with it. */
const confirmedOnce = async (asked: Parameters<typeof untilSettled>[1][number]) => {
  await untilState(asked.id, 'confirmed');
  return (await untilSettled(holdfast, [asked]))[0]?.state;
};

describe('the answer', () => {
  it('carries what the browser needs, only for who may book, and only while it is needed', async () => {
    const { asked, id, body } = await inBrowser();
    const { client_secret: clientSecret } = await intentOf(holdfast, id);
    const { publishableKey } = account;
    expect(body.state).toBe('paying');
    expect(body.payment).toMatchObject({ clientSecret, publishableKey, connectedAccount: null });
    expect((await asked.again()).body.payment.clientSecret).toBe(clientSecret);
    expect((await read(id)).payment.clientSecret).toBe(clientSecret);
    const key = await createKey(holdfast.database, {
      tenantId: holdfast.tenantId,
      label: 'reader',
      scopes: ['journal:read'],
    });
    const authorization = `Bearer ${key}`;
    const seen = await holdfast.call('GET', `/bookings/${id}`, undefined, { authorization });
    expect(seen.body.payment).toMatchObject({ clientSecret: null, publishableKey: null });
    await payerConfirms(holdfast, id);
    expect(await confirmedOnce(asked)).toBe('confirmed');
    expect((await read(id)).payment).toMatchObject({ clientSecret: null, status: 'captured' });
  });
});

describe('the payer', () => {
  it('who confirms is sold to at once, by the event', async () => {
    const { asked, id } = await inBrowser();
    const startedAt = performance.now();
    await payerConfirms(holdfast, id);
    expect(await confirmedOnce(asked)).toBe('confirmed');
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });

  it('who has to authenticate is waited for', async () => {
    const { asked, id } = await inBrowser();
    const intent = await payerConfirms(holdfast, id, 'pm_card_authenticationRequired');
    expect(intent.status).toBe('requires_action');
    await until(
      () => read(id),
      ({ payment }) => payment.status === 'needs-action',
    );
    await does(holdfast, intent, 'authenticate');
    expect(await confirmedOnce(asked)).toBe('confirmed');
  });

  it('whose card is refused, or whose authentication fails, may try another card', async () => {
    const { asked, id } = await inBrowser();
    await payerConfirms(holdfast, id, 'pm_card_chargeDeclinedInsufficientFunds');
    const refused = await until(
      () => read(id),
      ({ payment }) => payment.declineCode === 'insufficient_funds',
    );
    expect(refused.state).toBe('paying');
    const intent = await payerConfirms(holdfast, id, 'pm_card_authenticationRequired');
    await does(holdfast, intent, 'fail-authentication');
    await payerConfirms(holdfast, id);
    expect(await confirmedOnce(asked)).toBe('confirmed');
  });

  it('who leaves is not waited for beyond the hold, and nothing is charged', async () => {
    const { asked, id } = await inBrowser(hasty);
    const intent = await payerConfirms(holdfast, id, 'pm_card_authenticationRequired');
    await does(holdfast, intent, 'abandon');
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('expired');
    expect((await intentOf(holdfast, id)).status).toBe('canceled');
    expect((await read(id)).payment).toMatchObject({ outcome: null, clientSecret: null });
  });

  it('who gives up ends it at once', async () => {
    const { asked, id } = await inBrowser();
    expect((await cancel(holdfast, id)).body.state).toBe('cancelled');
    await untilSettled(holdfast, [asked]);
    expect((await intentOf(holdfast, id)).status).toBe('canceled');
  });
});

describe('events', () => {
  it('that never come: the service is asked before the hold ends', async () => {
    await webhookFault(holdfast, { act: 'drop', times: 1_000 });
    const { asked, id } = await inBrowser(hasty);
    await payerConfirms(holdfast, id);
    expect(await confirmedOnce(asked)).toBe('confirmed');
  });

  it.each([
    ['twice', { act: 'twice', copies: 3 }],
    ['late', { act: 'late', delayMs: 1_500 }],
  ])('that come %s change nothing', async (_, how) => {
    await webhookFault(holdfast, { ...how, times: 1_000 });
    const { asked, id } = await inBrowser();
    await payerConfirms(holdfast, id);
    expect(await confirmedOnce(asked)).toBe('confirmed');
    expect((await read(id)).payment.capturedMinor).toBe(PRICE_MINOR);
  });

  it('out of order are read for what is, not for what they say', async () => {
    await webhookFault(holdfast, { act: 'withhold', times: 1_000 });
    const { asked, id } = await inBrowser();
    await payerConfirms(holdfast, id, 'pm_card_chargeDeclined');
    const intent = await payerConfirms(holdfast, id, 'pm_card_authenticationRequired');
    await does(holdfast, intent, 'authenticate');
    await holdfast.control('POST', '/stripe/deliveries/release', { order: 'reversed' });
    expect(await confirmedOnce(asked)).toBe('confirmed');
  });

  it('forged, or signed by who has the secret and not true, confirm nothing', async () => {
    const { id } = await inBrowser();
    const intent = await intentOf(holdfast, id);
    const object = { ...intent, status: 'requires_capture' };
    const type = 'payment_intent.amount_capturable_updated';
    const forge = (secret?: string) =>
      holdfast.control<{ answers: number[] }>('POST', '/stripe/deliveries/forge', {
        account: account.service,
        type,
        object,
        ...(secret && { secret }),
      });
    expect((await forge()).answers).toEqual([401]);
    expect((await forge(account.webhookSecret)).answers).toEqual([200]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await read(id)).state).toBe('paying');
    await cancel(holdfast, id);
  });
});

describe('money that arrives after the hold ended', () => {
  it('is let go when it has arrived, nobody waits for it, and the booking says so', async () => {
    await holdfast.control('PUT', '/switches', {
      'stripe.cardsProcessFirst': true,
      'stripe.processingSettlesMs': -1,
    });
    const { asked, id } = await inBrowser(hasty);
    const intent = await payerConfirms(holdfast, id);
    expect(intent.status).toBe('processing');
    await holdfast.control('PUT', '/switches', { 'stripe.cardsProcessFirst': false });
    expect((await untilState(id, 'expired')).payment.status).toBe('processing');
    await does(holdfast, intent, 'settle-processing', { outcome: 'succeeded' });
    await untilSettled(holdfast, [asked]);
    expect((await read(id)).payment).toMatchObject({ outcome: 'voided', status: 'cancelled' });
  });
});
