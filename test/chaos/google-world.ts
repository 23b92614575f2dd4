import { randomUUID } from 'node:crypto';
import type { Holdfast } from '../support/holdfast.ts';
import { googleEntries, googleHand } from './google-hand.ts';
import { addAccount, badDays, grantOf, literally, type World } from './world.ts';

export async function googleWorld(holdfast: Holdfast): Promise<World> {
  const { control } = holdfast;
  const email = `${randomUUID().slice(0, 8)}@example.com`;
  const account = `/google/accounts/${email}`;
  const { refreshToken } = await control<{ refreshToken: string }>('PUT', account, {});
  const calendarId = `${randomUUID().slice(0, 12)}@group.calendar.google.com`;
  const encoded = encodeURIComponent(calendarId);
  const calendar = `/google/calendars/${encoded}`;
  await control('PUT', calendar, { owner: email, summary: 'Room', timeZone: 'Europe/Paris' });
  const path = `/calendars/${literally(encoded)}/`;
  const { fault, troubles, calm } = badDays(holdfast, { host: 'google', path });
  const channels = async () => {
    const told = await control<{ channels: { id: string; calendarId: string }[] }>(
      'GET',
      '/google/channels',
    );
    return told.channels.filter((one) => one.calendarId === calendarId);
  };
  return {
    accountId: await addAccount(holdfast, {
      channel: 'google',
      subject: email,
      credential: grantOf(refreshToken),
    }),
    calendarId,
    hand: googleHand(holdfast, calendarId),
    entries: () => googleEntries(holdfast, calendarId),
    calm,
    troubles: [
      ...troubles,
      {
        name: 'sync token spent',
        losesPlace: true,
        cause: async () => void (await control('POST', `${calendar}/expire-sync-tokens`)),
      },
      {
        name: 'access token expired',
        cause: async () => void (await control('POST', `${account}/expire-access-tokens`)),
      },
      fault('page token refused', () => ({ path: `${path}events\\?.*pageToken=`, status: 410 })),
      {
        name: 'notifications repeated',
        async cause(dice) {
          for (const { id } of await channels())
            await control('POST', `/google/channels/${id}/notify`, { times: 1 + dice.below(4) });
        },
      },
    ],
  };
}
