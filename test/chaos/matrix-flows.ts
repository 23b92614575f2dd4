import { changeFlows } from './matrix-changes.ts';
import {
  draft,
  expect2xx,
  insist,
  methodOf,
  patiently,
  readBooking,
  refuseCapture,
  untilState,
  type Flow,
  type Stage,
} from './matrix-stage.ts';
import { moneyFlows } from './matrix-money.ts';
import { steer } from '../support/calendar.ts';
import { payerConfirms } from '../support/payer.ts';
import { openShop, type Shop } from '../support/shop.ts';

const BOOKED = { state: 'confirmed' };
/** What may come of a booking whose fault does not pass. */
const ANY = [{ mayBeMissing: true }];

const shopFor = (stage: Stage, name: string, settings: Record<string, unknown> = {}) =>
  stage.shop(name, () =>
    openShop(stage.holdfast, { accountId: stage.account.id, calendar: true, settings }),
  );

const bookingFlows: Record<string, Flow> = {
  'book by method': {
    reaches: ['holdSlot', 'authorizePayment', 'commitBooking', 'capturePayment'],
    async prepare(stage) {
      const { suspect, ask } = draft(stage, await shopFor(stage, 'method'));
      const go = () => settled(stage, suspect.id, ask);
      return { suspect, goal: BOOKED, orElse: ANY, go };
    },
  },
  'book, declined': {
    reaches: ['holdSlot', 'authorizePayment', 'voidPayment', 'releaseSlot'],
    async prepare(stage) {
      const shop = await shopFor(stage, 'declined');
      const card = 'pm_card_authenticationRequired';
      const { suspect, ask } = draft(stage, shop, methodOf(shop, card));
      const go = () => settled(stage, suspect.id, ask);
      return { suspect, goal: { state: 'declined' }, orElse: ANY, go };
    },
  },
  'book by browser': {
    reaches: ['holdSlot', 'openPayment', 'readPayment', 'commitBooking', 'capturePayment'],
    async prepare(stage) {
      const { holdfast } = stage;
      const shop = await shopFor(stage, 'browser');
      const { suspect, ask } = draft(stage, shop, { kind: 'browser', accountId: shop.accountId });
      const go = async () => {
        expect2xx(await ask());
        const { body } = await patiently(
          () => readBooking(holdfast, suspect.id),
          (answer) => answer.body.payment.clientSecret !== null || isOver(answer.body.state),
        );
        if (isOver(body.state)) return;
        await payerConfirms(holdfast, suspect.id);
        await settled(stage, suspect.id, ask);
      };
      return { suspect, goal: BOOKED, orElse: ANY, go };
    },
  },
  'book by external payment, extended': {
    reaches: ['holdSlot', 'extendSlot', 'commitBooking'],
    async prepare(stage) {
      const { holdfast } = stage;
      const holdExtension = { byMs: 600_000, times: 1 };
      const shop = await shopFor(stage, 'external', { holdExtension });
      const { suspect, ask } = draft(stage, shop, { kind: 'external' });
      const go = async () => {
        expect2xx(await ask());
        expect2xx(await insist(holdfast, `/bookings/${suspect.id}/extend`, {}));
        const paid = { reference: 'invoice-1' };
        await insist(holdfast, `/bookings/${suspect.id}/confirm`, paid);
        await settled(stage, suspect.id, ask);
      };
      return { suspect, goal: BOOKED, orElse: ANY, go };
    },
  },
  'book for free': {
    reaches: ['holdSlot', 'commitBooking'],
    async prepare(stage) {
      const shop = await shopFor(stage, 'free', { price: null });
      const { suspect, ask } = draft(stage, shop, { kind: 'none' });
      const go = () => settled(stage, suspect.id, ask);
      return { suspect, goal: BOOKED, orElse: ANY, go };
    },
  },
  'book, given up': {
    reaches: ['holdSlot', 'releaseSlot'],
    async prepare(stage) {
      const { suspect, ask } = draft(stage, await shopFor(stage, 'given-up'), { kind: 'external' });
      const go = async () => {
        expect2xx(await ask());
        expect2xx(await insist(stage.holdfast, `/bookings/${suspect.id}/cancel`, {}));
      };
      return { suspect, goal: { state: 'cancelled' }, orElse: ANY, go };
    },
  },
  'book, capture refused': {
    reaches: ['capturePayment', 'callOff', 'returnPayment'],
    async prepare(stage) {
      const { suspect, ask } = draft(stage, await shopFor(stage, 'refused'));
      await refuseCapture(stage, suspect.id);
      const go = async () => {
        expect2xx(await ask());
        await untilState(stage.holdfast, suspect.id, 'cancelled');
      };
      return { suspect, goal: { state: 'cancelled' }, orElse: ANY, go };
    },
  },
  'book over a calendar too old': {
    reaches: ['commitBooking', 'recheckCopies'],
    async prepare(stage) {
      const shop = await stage.shop('stale', () => staleShop(stage));
      const { suspect, ask } = draft(stage, shop);
      const go = () => settled(stage, suspect.id, ask);
      // Nobody writes to a calendar that is paused.
      return { suspect: { ...suspect, calendarId: null }, goal: BOOKED, orElse: ANY, go };
    },
  },
  'book, stuck and undone by hand': {
    reaches: ['callPerson', 'doneByHand'],
    slow: true,
    async prepare(stage) {
      const { holdfast, desk } = stage;
      const shop = await shopFor(stage, 'stuck');
      const card = 'pm_card_authenticationRequired';
      const { suspect, ask } = draft(stage, shop, methodOf(shop, card));
      const bookingId = suspect.id;
      desk.arm({ bookingId, activity: 'voidPayment' }, { fault: 'fails-for-good' });
      const go = async () => {
        expect2xx(await ask());
        await patiently(
          () => readBooking(holdfast, bookingId),
          ({ body }) => body.attentions.includes('stuck-void-payment'),
        );
        const decision = {
          decision: 'resolved-by-hand',
          attention: 'stuck-void-payment',
          reason: 'let go at the service, case 1',
        };
        // One of several askings is the one that is heard.
        await insist(holdfast, `/bookings/${bookingId}/resolve`, decision);
        await untilState(holdfast, bookingId, 'declined');
      };
      return { suspect, goal: { state: 'declined' }, orElse: [], go };
    },
  },
};

export const FLOWS: Readonly<Record<string, Flow>> = {
  ...bookingFlows,
  ...changeFlows,
  ...moneyFlows,
};

const isOver = (state: string): boolean => ['expired', 'declined', 'cancelled'].includes(state);

/** Asked for until the API says that it is over or stands. */
async function settled(
  { holdfast }: Stage,
  id: string,
  ask: () => Promise<{ status: number }>,
): Promise<void> {
  const { status } = await ask();
  if (status !== 201) return;
  await patiently(
    () => readBooking(holdfast, id),
    ({ body }) => body.state === 'confirmed' || isOver(body.state),
  );
}

/** Its calendar is paused and was not read for days: the rule lets it be. */
async function staleShop({ holdfast, account }: Stage): Promise<Shop> {
  const recheck = { timeoutMs: 1_000, onTimeout: 'accept' };
  const shop = await openShop(holdfast, {
    accountId: account.id,
    calendar: true,
    settings: { recheck },
  });
  const scene = { ...shop, calendarId: shop.calendarId!, connectionId: shop.connectionId! };
  expect2xx(await steer(holdfast, scene, 'pause'));
  await holdfast.database.pool.query(
    `UPDATE connection SET confirmed_at = now() - interval '2 days' WHERE id = $1`,
    [shop.connectionId],
  );
  return shop;
}
