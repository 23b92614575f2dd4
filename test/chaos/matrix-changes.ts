import { randomUUID } from 'node:crypto';
import {
  draft,
  expect2xx,
  insist,
  lapseAtCapture,
  later,
  methodOf,
  patiently,
  stands,
  untilState,
  type Flow,
  type Stage,
} from './matrix-stage.ts';
import { calendarPath } from '../support/calendar.ts';
import { payerConfirms } from '../support/payer.ts';
import { openShop, PRICE_MINOR, type Shop } from '../support/shop.ts';

/** A change of a confirmed booking: called off by a quote, moved, or given way to an outside event. */
const DEARER_MINOR = PRICE_MINOR + 3_000;
const CHEAPER_MINOR = PRICE_MINOR - 3_000;
const FEE_PERCENT = 10;
const FEE_MINOR = (PRICE_MINOR * FEE_PERCENT) / 100;
const STAYS = { state: 'confirmed', charges: 2, priceMinor: DEARER_MINOR };
const MOVED = ['openChange', 'takeTime', 'switchTime', 'closeChange'] as const;

const shopFor = (stage: Stage, name: string, settings: Record<string, unknown> = {}) =>
  stage.shop(name, () =>
    openShop(stage.holdfast, { accountId: stage.account.id, calendar: true, settings }),
  );

export const changeFlows: Record<string, Flow> = {
  'cancel by quote': {
    reaches: ['openChange', 'callOff', 'giveBack', 'closeChange'],
    async prepare(stage) {
      const { holdfast } = stage;
      const cancellation = [{ beforeMs: 0, feePercent: FEE_PERCENT, feeMinor: 0 }];
      const shop = await shopFor(stage, 'cancel', { cancellation });
      const { suspect } = await stands(stage, draft(stage, shop));
      const go = async () => {
        const path = `/bookings/${suspect.id}`;
        const quote = await insist(holdfast, `${path}/cancellation-quotes`, {});
        expect2xx(quote);
        expect2xx(await insist(holdfast, `${path}/cancel`, { quoteId: quote.body.id }));
      };
      return { suspect, goal: { state: 'cancelled', keptMinor: FEE_MINOR }, orElse: [], go };
    },
  },
  'move, dearer': rescheduling({
    reaches: [...MOVED, 'authorizeDifference', 'takeDue'],
    toMinor: DEARER_MINOR,
  }),
  'move, cheaper': rescheduling({ reaches: [...MOVED, 'giveBack'], toMinor: CHEAPER_MINOR }),
  'move, declined': rescheduling({
    reaches: [
      'openChange',
      'takeTime',
      'authorizeDifference',
      'voidDifference',
      'letTimeGo',
      'closeChange',
    ],
    toMinor: DEARER_MINOR,
    card: 'pm_card_chargeDeclined',
  }),
  'move, dearer, paid in a browser': rescheduling({
    reaches: [...MOVED, 'authorizeDifference', 'readDifference', 'takeDue'],
    toMinor: DEARER_MINOR,
    card: null,
  }),
  'move, dearer, authorization gone': rescheduling({
    reaches: [...MOVED, 'takeDue', 'disownDifference', 'giveBack'],
    toMinor: DEARER_MINOR,
    lapses: true,
  }),
  'give way to an outside event': conflicting({
    reaches: ['weighConflict', 'openChange', 'moveAside', 'callOff', 'giveBack', 'closeChange'],
    rule: 'keep-theirs',
  }),
  'keep the time, by a person': conflicting({
    reaches: ['weighConflict', 'decideConflict'],
    rule: 'ask',
  }),
};

interface Rescheduling {
  reaches: Flow['reaches'];
  toMinor: number;
  /** Null: the payer confirms in a browser. */
  card?: string | null;
  /** The difference can be captured no more once it is authorized. */
  lapses?: boolean;
}

/** By half an hour, so that the old and the new time overlap. */
function rescheduling({ reaches, toMinor, card = 'pm_card_visa', lapses }: Rescheduling): Flow {
  const isDeclined = card === 'pm_card_chargeDeclined';
  const keptMinor = isDeclined || lapses ? PRICE_MINOR : toMinor;
  return {
    reaches,
    async prepare(stage) {
      const { holdfast } = stage;
      const shop = await shopFor(stage, 'move');
      const { suspect } = await stands(stage, draft(stage, shop));
      const lapse = lapses ? await lapseAtCapture(stage, suspect.id) : () => undefined;
      const startAt = later(suspect.startAt, 30);
      const go = async () => {
        const path = `/bookings/${suspect.id}`;
        const quote = await insist(holdfast, `${path}/reschedule-quotes`, {
          startAt,
          endAt: later(suspect.endAt, 30),
          price: { amountMinor: toMinor, currency: 'eur' },
        });
        expect2xx(quote);
        lapse();
        await confirmMove(stage, { path, shop, card, quoteId: quote.body.id as string });
      };
      const goal = {
        ...STAYS,
        keptMinor,
        startAt: isDeclined ? suspect.startAt : startAt,
        ...(lapses && { attention: 'difference-unpaid' }),
      };
      // Refused for good before the switch it stays as it is, and pays nothing more.
      return { suspect, goal, orElse: [{ ...STAYS, startAt: suspect.startAt }], go };
    },
  };
}

/** Answers with what came of it, also where a payer was waited for. */
async function confirmMove(
  { holdfast }: Stage,
  by: { path: string; shop: Shop; card: string | null; quoteId: string },
): Promise<void> {
  const { path, shop, card, quoteId } = by;
  const payment =
    card === null ? { kind: 'browser', accountId: shop.accountId } : methodOf(shop, card);
  const key = randomUUID();
  const ask = () => insist(holdfast, `${path}/reschedule`, { quoteId, payment }, key);
  const asked = await ask();
  if (asked.status !== 202) return;
  await payerConfirms(holdfast, path.split('/')[2]!);
  await patiently(ask, ({ status }) => status !== 202);
}

/** An outside event over half of the booking's time. */
function conflicting({
  reaches,
  rule,
}: {
  reaches: Flow['reaches'];
  rule: 'keep-theirs' | 'ask';
}): Flow {
  return {
    reaches,
    async prepare(stage) {
      const { holdfast, account } = stage;
      // One for each booking: many conflicts in one calendar are taken for a mistake.
      const shop = await openShop(holdfast, {
        accountId: account.id,
        calendar: true,
        settings: { conflicts: { rule } },
      });
      const { suspect } = await stands(stage, draft(stage, shop));
      const go = async () => {
        await holdfast.control('POST', `${calendarPath(shop.calendarId!)}/events`, {
          summary: 'Plumber',
          start: { dateTime: later(suspect.startAt, 30) },
          end: { dateTime: later(suspect.endAt, 30) },
        });
        if (rule === 'ask') await decide(stage, suspect.id);
        else await untilState(holdfast, suspect.id, 'cancelled');
      };
      const goal = { state: rule === 'ask' ? 'confirmed' : 'cancelled' };
      return { suspect: { ...suspect, isShared: true }, goal, orElse: [], go };
    },
  };
}

async function decide({ holdfast }: Stage, bookingId: string): Promise<void> {
  const conflicts = await patiently(
    () => holdfast.call('GET', `/conflicts?bookingId=${bookingId}`),
    ({ body }) => body.items.length > 0,
  );
  const path = `/conflicts/${conflicts.body.items[0].id}`;
  expect2xx(await insist(holdfast, `${path}/decide`, { keep: 'ours' }));
  await patiently(
    () => holdfast.call('GET', path),
    ({ body }) => body.state === 'settled',
  );
}
