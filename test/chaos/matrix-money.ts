import {
  draft,
  expect2xx,
  insist,
  lapseAtCapture,
  patiently,
  stands,
  untilState,
  type Flow,
  type Stage,
} from './matrix-stage.ts';
import {
  dayComes,
  declineNext,
  DEPOSIT_MINOR,
  depositShop,
  graceEnds,
  type Due,
} from '../support/money.ts';
import { openShop, PRICE_MINOR } from '../support/shop.ts';

/** Money after the booking: a balance, an authorization anew, a part given back. */
const PAID = { state: 'confirmed', keptMinor: PRICE_MINOR, charges: 2 };
const REFUNDED_MINOR = 2_500;
const COLLECTED = [
  ...(['openChange', 'chargeDue', 'owePayment', 'takeDue', 'closeChange'] as const),
];

const depositFor = (stage: Stage, name: string, own: Parameters<typeof depositShop>[2] = {}) =>
  stage.shop(name, () => depositShop(stage.holdfast, stage.account, own));

interface Payments {
  items: { purpose: string; status: string }[];
  due: Due[];
}

const untilPayments = ({ holdfast }: Stage, id: string, passes: (told: Payments) => boolean) =>
  patiently(
    () => holdfast.call('GET', `/bookings/${id}/payments`),
    ({ body }) => passes(body as Payments),
  );

const untilCaptured = (stage: Stage, id: string, purpose: string) =>
  untilPayments(
    stage,
    id,
    ({ items, due }) =>
      due.length === 0 && items.some((one) => one.purpose === purpose && one.status === 'captured'),
  );

export const moneyFlows: Record<string, Flow> = {
  'balance, paid': {
    reaches: [...COLLECTED, 'settled'],
    async prepare(stage) {
      const { suspect } = await stands(stage, draft(stage, await depositFor(stage, 'balance')));
      const go = async () => {
        await dayComes(stage.holdfast, suspect.id);
        await untilCaptured(stage, suspect.id, 'balance');
      };
      return { suspect, goal: PAID, orElse: [], go };
    },
  },
  'balance, authorization gone once': {
    reaches: [...COLLECTED, 'disownPayment', 'giveBack', 'postponeChange'],
    async prepare(stage) {
      const { suspect } = await stands(stage, draft(stage, await depositFor(stage, 'balance')));
      const lapse = await lapseAtCapture(stage, suspect.id);
      const go = async () => {
        lapse();
        await dayComes(stage.holdfast, suspect.id);
        await untilCaptured(stage, suspect.id, 'balance');
      };
      return { suspect, goal: PAID, orElse: [], go };
    },
  },
  'balance, unpaid and kept': unpaid('keep'),
  'balance, unpaid and cancelled': unpaid('cancel'),
  'authorization renewed': {
    reaches: [...COLLECTED, 'lapsing', 'giveBack', 'settled'],
    async prepare(stage) {
      const shop = await depositFor(stage, 'renewal', { settings: { lapse: 'renew' } });
      const { suspect, ask } = draft(stage, shop);
      const lapse = await lapseAtCapture(stage, suspect.id);
      const go = async () => {
        lapse();
        expect2xx(await ask());
        await untilPayments(stage, suspect.id, ({ items }) =>
          items.some((one) => one.purpose === 'renewal' && one.status === 'captured'),
        );
      };
      const goal = { state: 'confirmed', keptMinor: DEPOSIT_MINOR };
      return { suspect, goal, orElse: [], go };
    },
  },
  'refund of a part': {
    reaches: ['openChange', 'grantRefund', 'giveBack', 'closeChange'],
    async prepare(stage) {
      const { holdfast, account } = stage;
      const open = () => openShop(holdfast, { accountId: account.id, calendar: true });
      const { suspect } = await stands(stage, draft(stage, await stage.shop('refund', open)));
      const go = async () => {
        const asked = { amountMinor: REFUNDED_MINOR, reason: 'goodwill' };
        expect2xx(await insist(holdfast, `/bookings/${suspect.id}/refunds`, asked));
      };
      const goal = { state: 'confirmed', keptMinor: PRICE_MINOR - REFUNDED_MINOR };
      return { suspect, goal, orElse: [], go };
    },
  },
  'refund by own means': {
    reaches: ['openChange', 'grantRefund', 'refundedByHand', 'closeChange'],
    async prepare(stage) {
      const { holdfast, account } = stage;
      const shop = await stage.shop('by-hand', () =>
        openShop(holdfast, { accountId: account.id, calendar: true }),
      );
      const { suspect, ask } = draft(stage, shop, { kind: 'external' });
      expect2xx(await ask());
      const paid = { reference: 'invoice-1' };
      expect2xx(await insist(holdfast, `/bookings/${suspect.id}/confirm`, paid));
      const path = `/bookings/${suspect.id}/refunds`;
      const go = async () => {
        const asked = { amountMinor: REFUNDED_MINOR, reference: 'transfer-1' };
        expect2xx(await insist(holdfast, path, asked));
        await patiently(
          () => holdfast.call('GET', path),
          ({ body }) => body.items[0]?.status === 'succeeded',
        );
      };
      return { suspect, goal: { state: 'confirmed' }, orElse: [], go };
    },
  },
};

/** Declined, not paid by link either, and left to the rule. */
function unpaid(onUnpaid: 'keep' | 'cancel'): Flow {
  const after =
    onUnpaid === 'keep' ? (['callPerson'] as const) : (['callOff', 'giveBack'] as const);
  return {
    reaches: ['openChange', 'chargeDue', 'postponeChange', 'closeChange', ...after],
    async prepare(stage) {
      const { holdfast } = stage;
      const shop = await depositFor(stage, `unpaid-${onUnpaid}`, { onUnpaid });
      const { suspect } = await stands(stage, draft(stage, shop));
      const { id } = suspect;
      await declineNext(holdfast, id, 'chargeDeclinedLostCard');
      const go = async () => {
        await dayComes(holdfast, id);
        await untilPayments(stage, id, ({ due }) => Boolean(due[0]?.payUntilAt));
        await graceEnds(holdfast, id);
        if (onUnpaid === 'cancel') return void (await untilState(holdfast, id, 'cancelled'));
        await patiently(
          () => holdfast.call('GET', `/bookings/${id}`),
          ({ body }) => body.attentions.includes('balance-unpaid'),
        );
      };
      const kept = { state: 'confirmed', keptMinor: DEPOSIT_MINOR, attention: 'balance-unpaid' };
      return { suspect, goal: onUnpaid === 'keep' ? kept : { state: 'cancelled' }, orElse: [], go };
    },
  };
}
