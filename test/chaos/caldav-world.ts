import { randomUUID } from 'node:crypto';
import type { Credential } from '../../src/channels/channel-provider.ts';
import type { Holdfast } from '../support/holdfast.ts';
import { calendarText, entriesIn, icsEdits } from './ics.ts';
import { addAccount, badDays, listedId, literally, type World } from './world.ts';

interface Account {
  password: string;
  /** A path. */
  home: string;
}

/** A person's calendar client at the emulated CalDAV server; one object an entry. */
export async function caldavWorld(holdfast: Holdfast): Promise<World> {
  const { control, emulatorsUrl } = holdfast;
  const username = `${randomUUID().slice(0, 8)}@example.com`;
  const { password } = await control<Account>('PUT', `/caldav/accounts/${username}`, {});
  const name = `room-${randomUUID().slice(0, 8)}`;
  const calendar = `/caldav/calendars/${name}`;
  await control('PUT', calendar, {
    owner: username,
    displayName: 'Room',
    timezone: 'Europe/Paris',
  });
  const objects = `${calendar}/objects`;
  const hand = icsEdits(async (item, uid) => {
    const path = `${objects}/${encodeURIComponent(`${uid}.ics`)}`;
    if (item === null) await control('DELETE', path);
    else await control('PUT', path, { ics: calendarText([item]) });
  });
  const { troubles, calm } = badDays(holdfast, { host: 'caldav', path: `/${literally(name)}/` });
  const credential: Credential = { kind: 'basic', serverUrl: emulatorsUrl, username, password };
  const accountId = await addAccount(holdfast, {
    channel: 'caldav',
    subject: username,
    credential,
  });
  return {
    accountId,
    calendarId: await listedId(holdfast, accountId, name),
    hand,
    async entries() {
      const told = await control<{ objects: { name: string; ics: string }[] }>('GET', objects);
      return told.objects.flatMap((one) => entriesIn(one.ics, () => one.name));
    },
    calm,
    troubles: [
      ...troubles,
      {
        name: 'sync token refused',
        losesPlace: true,
        cause: async () => void (await control('POST', `${calendar}/expire-sync-tokens`)),
      },
      {
        name: 'sync token aged',
        losesPlace: true,
        cause: async () => void (await control('POST', `${calendar}/age-sync-tokens`)),
      },
    ],
  };
}
