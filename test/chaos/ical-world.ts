import { randomUUID } from 'node:crypto';
import type { Holdfast } from '../support/holdfast.ts';
import { calendarText, entriesIn, icsEdits } from './ics.ts';
import { addAccount, badDays, listedId, literally, type Trouble, type World } from './world.ts';

/** A feed that its owner edits; every save writes the whole file. */
export async function icalWorld(holdfast: Holdfast): Promise<World> {
  const { control, emulatorsUrl } = holdfast;
  const name = `room-${randomUUID().slice(0, 8)}`;
  const secret = randomUUID();
  const path = `/feeds/${name}`;
  const save = async () =>
    void (await control('PUT', path, { body: calendarText([...hand.items.values()]), secret }));
  const hand = icsEdits(save);
  await save();
  const { troubles, calm } = badDays(holdfast, {
    host: 'feeds',
    path: `/feeds/${literally(name)}`,
  });
  const manner = (title: string, set: Record<string, unknown>): Trouble => ({
    name: title,
    cause: async () => void (await control('PATCH', `${path}/manner`, { ...USUAL, ...set })),
  });
  const accountId = await addAccount(holdfast, {
    channel: 'ical',
    subject: name,
    credential: { kind: 'url', url: `${emulatorsUrl}${path}.ics?s=${secret}` },
  });
  return {
    accountId,
    calendarId: await listedId(holdfast, accountId, ''),
    hand,
    async entries() {
      const { body } = await control<{ body: string }>('GET', path);
      return entriesIn(body, (uid) => uid);
    },
    async calm() {
      await calm();
      await control('PATCH', `${path}/manner`, USUAL);
    },
    troubles: [
      ...troubles,
      manner('half the text in a whole answer', { truncated: 'clean' }),
      manner('the connection ends half-way', { truncated: 'connection' }),
      manner('no validators', { validators: 'none' }),
      manner('conditions are ignored', { ignoresConditionals: true }),
      manner('packed though nobody asked', { encoding: 'gzip-unasked' }),
      manner('a login page', { status: 403 }),
      manner('all well', {}),
    ],
  };
}

const USUAL = {
  truncated: 'none',
  validators: 'strong',
  ignoresConditionals: false,
  encoding: 'identity',
  status: 200,
};
