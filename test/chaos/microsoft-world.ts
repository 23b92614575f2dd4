import { randomUUID } from 'node:crypto';
import type { Holdfast } from '../support/holdfast.ts';
import { LAST_DAY, today } from './draft.ts';
import type { Entry } from './entry.ts';
import { microsoftEntries, microsoftHand } from './microsoft-hand.ts';
import { later } from './wall.ts';
import { addAccount, badDays, grantOf, literally, type World } from './world.ts';

export async function microsoftWorld(holdfast: Holdfast): Promise<World> {
  const { control } = holdfast;
  const email = `${randomUUID().slice(0, 8)}@example.com`;
  const account = `/microsoft/accounts/${email}`;
  const { refreshToken, calendarId } = await control<{ refreshToken: string; calendarId: string }>(
    'PUT',
    account,
    {},
  );
  const encoded = encodeURIComponent(calendarId);
  const path = `/calendars/${literally(encoded)}/`;
  const { troubles, calm } = badDays(holdfast, { host: 'microsoft', path });
  const subscriptions = async () => {
    const told = await control<{ subscriptions: { id: string; calendarId?: string }[] }>(
      'GET',
      '/microsoft/subscriptions',
    );
    return told.subscriptions.filter((one) => one.calendarId === calendarId);
  };
  const lifecycle = (event: string) => async () => {
    for (const { id } of await subscriptions())
      await control('POST', `/microsoft/subscriptions/${id}/lifecycle`, { event });
  };
  return {
    accountId: await addAccount(holdfast, {
      channel: 'microsoft',
      subject: email,
      credential: grantOf(refreshToken),
    }),
    calendarId,
    hand: microsoftHand(holdfast, calendarId),
    entries: () => microsoftEntries(holdfast, calendarId),
    seen,
    calm,
    troubles: [
      ...troubles,
      {
        name: 'delta token spent',
        losesPlace: true,
        cause: async () =>
          void (await control('POST', `/microsoft/calendars/${encoded}/expire-delta-tokens`)),
      },
      {
        name: 'access token expired',
        cause: async () => void (await control('POST', `${account}/expire-access-tokens`)),
      },
      {
        name: 'throttled',
        cause: async (dice) =>
          void (await control('POST', `${account}/throttle`, { seconds: 1 + dice.below(2) })),
      },
      {
        name: 'notifications repeated',
        async cause(dice) {
          for (const { id } of await subscriptions())
            await control('POST', `/microsoft/subscriptions/${id}/notify`, {
              times: 1 + dice.below(4),
            }).catch(unlessEmpty);
        },
      },
      { name: 'notifications missed', cause: lifecycle('missed') },
      { name: 'subscription removed', cause: lifecycle('subscriptionRemoved') },
    ],
  };
}

/** A series is there while any of its members is; the rest, while it surely is in what was read. */
function seen(entries: readonly Entry[]): Entry[] {
  const isInside = ({ isListed, start }: Entry) =>
    !isListed && (start === null || (start > today() && start < later(today(), LAST_DAY)));
  const inside = entries.filter(isInside);
  const series = new Set(inside.map((entry) => entry.series));
  return [...inside, ...entries.filter(({ id, isListed }) => isListed && series.has(id))];
}

/** There is nothing to tell of in an empty calendar. */
function unlessEmpty(error: unknown): void {
  if (!(error instanceof Error) || !error.message.includes('is empty')) throw error;
}
