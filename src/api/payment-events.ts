import type { BookingRef } from '../commands.ts';
import type { PaymentEvent } from '../payments/payment-provider.ts';
import type { PaymentAccountRef } from '../store/payment-accounts.ts';
import { recordPaymentEvent, sealedPaymentAccount } from '../store/payment-accounts.ts';
import { notePaymentEvent, paymentOfIntent, recordDispute } from '../store/payment-news.ts';
import { isMoneyAstray } from '../store/payments.ts';
import { recordRefunds } from '../store/refunds.ts';
import type { ApiDependencies } from './dependencies.ts';
import { describeError } from './failures.ts';
import { openAccount } from './payment-secrets.ts';

type Deps = Pick<ApiDependencies, 'database' | 'commands' | 'vault' | 'payments' | 'log'>;

/**
 * What a signed event leads to. It is recorded only with a mark on its payment, or after what it
 * speaks of was taken down: then it may come twice, late or out of order, and its answer may be lost.
 */
export async function onPaymentEvent(
  deps: Deps,
  account: PaymentAccountRef,
  event: PaymentEvent,
): Promise<void> {
  if (isMoneyEvent(event)) {
    await onMoneyEvent(deps, account, event);
    await recordPaymentEvent(deps.database, { ...account, eventId: event.eventId });
    return;
  }
  const noted = await notePaymentEvent(deps.database.pool, { ...account, ...event });
  if (noted.kind !== 'noted' || !noted.waits) return;
  const booking = { tenantId: account.tenantId, bookingId: noted.bookingId };
  // The mark stands: what cannot be told now is told by a sweeper.
  await tellNews(deps, booking).catch((error: unknown) =>
    deps.log('warn', 'news of a payment wait for the sweeper', { ...describeError(error) }),
  );
}

/** Whoever runs for the booking is told; where nobody does, its money is put right. */
async function tellNews({ commands, database }: Deps, booking: BookingRef): Promise<void> {
  if (await commands.paymentNews(booking)) return;
  if (await isMoneyAstray(database.pool, booking)) await commands.settleBooking(booking);
}

/** Of money that was taken: it goes back, came back, or is disputed. */
const isMoneyEvent = ({ type, dispute, intentId }: PaymentEvent): boolean =>
  intentId !== null && (dispute !== null || /^(refund\.|charge\.refund)/.test(type));

/** The service's own list is taken down: an event only says that it is worth reading. */
async function onMoneyEvent(
  deps: Deps,
  account: PaymentAccountRef,
  { intentId, dispute }: PaymentEvent,
): Promise<void> {
  const { pool } = deps.database;
  const { tenantId, accountId } = account;
  const found = await paymentOfIntent(pool, { tenantId, accountId, intentId: intentId! });
  if (!found) return;
  if (dispute !== null) return recordDispute(pool, { tenantId, intentId: intentId!, dispute });
  const sealed = await sealedPaymentAccount(deps.database, account);
  const access = openAccount(deps, account, sealed!);
  const refunds = await deps.payments.refunds({ access, intentId: intentId! });
  await recordRefunds(pool, { ...found, refunds });
}
