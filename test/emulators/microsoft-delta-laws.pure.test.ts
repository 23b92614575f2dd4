import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  controlRoom,
  daily,
  december,
  microsoftWorld,
  readRound,
  roomPath,
  timed,
} from './microsoft-world.ts';
import type { Json, MicrosoftWorld } from './microsoft-world.ts';

const controlEvents = `${controlRoom}/events`;
const acts = ['single', 'series', 'patch', 'move', 'reshape', 'remove', 'read'] as const;
const step = fc.record({
  act: fc.constantFrom(...acts),
  at: fc.nat(40),
  day: fc.integer({ min: 1, max: 59 }),
});
type Step = { act: (typeof acts)[number]; at: number; day: number };

const dayText = (day: number) => new Date(Date.UTC(2026, 10, day)).toISOString().slice(0, 10);

/** What a client knows that applies each round to its copy. */
interface Copy {
  link: string | undefined;
  items: Map<string, Json>;
}

async function follow(world: MicrosoftWorld, copy: Copy): Promise<void> {
  const { items, deltaLink } = await readRound(world, copy.link);
  copy.link = deltaLink;
  for (const item of items) {
    if (item['@removed'] !== undefined) copy.items.delete(item['id'] as string);
    else copy.items.set(item['id'] as string, item);
  }
}

/** Ids of everything that a person could click on now, occurrences included. */
async function visible(world: MicrosoftWorld): Promise<string[]> {
  const link = `${roomPath}/calendarView?startDateTime=2026-01-01&endDateTime=2028-01-01&$top=900`;
  const headers = { prefer: 'IdType="ImmutableId"' };
  const { body } = await world.api(link, { headers });
  const shown = body['value'] as Json[];
  const masters = shown.map(({ seriesMasterId }) => seriesMasterId as string | null);
  return [...new Set([...shown.map(({ id }) => id as string), ...masters])].filter(
    (id) => id !== null,
  );
}

async function take(world: MicrosoftWorld, { act, at, day }: Step, copy: Copy): Promise<void> {
  if (act === 'read') return follow(world, copy);
  const date = dayText(day);
  if (act === 'single') return void (await world.control(controlEvents, { body: timed(date) }));
  const recurrence = daily(date, (at % 5) + 1);
  if (act === 'series') {
    return void (await world.control(controlEvents, { body: timed(date, { recurrence }) }));
  }
  const ids = await visible(world);
  const id = ids[at % Math.max(1, ids.length)];
  if (id === undefined) return;
  const event = `${controlEvents}/${encodeURIComponent(id)}`;
  const master =
    (await world.api(`/me/events/${encodeURIComponent(id)}`)).body['recurrence'] !== null;
  const bodies = { patch: { showAs: 'free' }, move: timed(date), reshape: { recurrence } };
  if (act === 'remove') await world.control(event, { method: 'DELETE' });
  else if (act !== 'reshape' || master) {
    await world.control(event, { method: 'PATCH', body: bodies[act] });
  }
}

test('a copy that follows the delta shows what lies in the window, whatever people did', async () => {
  const world = await microsoftWorld();
  await world.switches({ serviceTimeMs: 0 });
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      number += 1;
      await world.control(controlRoom, { method: 'DELETE' });
      const account = { account: 'host@contoso.example', name: `Room ${number}` };
      await world.control(controlRoom, { method: 'PUT', body: account });
      const copy: Copy = { link: undefined, items: new Map() };
      for (const each of steps) await take(world, each, copy);
      await follow(world, copy);
      const { occurrences } = await world.control(`${controlRoom}/occurrences?${december}`);
      const known = [...copy.items.values()].filter(({ type }) => type !== 'seriesMaster');
      const times = known.map(({ id, start, end }) => [id, start.dateTime, end.dateTime].join());
      const text = (at: string) => at.replace('Z', '0000');
      const truth = (occurrences as Json[]).map((each) =>
        [each['id'], text(each['startAt'] as string), text(each['endAt'] as string)].join(),
      );
      expect(new Set(times)).toEqual(new Set(truth));
    }),
    { numRuns: 15 },
  );
}, 60_000);
