import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from '../../src/channels/channel-provider.ts';
import { addResource } from '../support/scene.ts';
import type { Holdfast } from '../support/holdfast.ts';
import { diceOf } from './dice.ts';
import { edit, personOf } from './person.ts';
import { googleWorld } from './google-world.ts';
import { judge } from './judge.ts';
import { microsoftWorld } from './microsoft-world.ts';
import { caldavWorld } from './caldav-world.ts';
import { icalWorld } from './ical-world.ts';
import { VICTIMS, type Place } from './place.ts';
import { settle, type Trial } from './rest.ts';
import type { World } from './world.ts';

const STEPS = 24;
const FIRST_EDITS = 6;
/** A change may be listed so much later than it was made. */
const LONGEST_UNSEEN_MS = 500;

const WORLDS: Record<Channel, (holdfast: Holdfast, seed: number) => Promise<World>> = {
  google: googleWorld,
  microsoft: microsoftWorld,
  caldav: caldavWorld,
  ical: icalWorld,
};

/** Connects a calendar that has a few entries already. */
export async function prepare(place: Place, seed: number): Promise<Trial> {
  const { holdfast, channel } = place;
  const dice = diceOf(seed);
  const world = await WORLDS[channel](holdfast, seed);
  const person = personOf(world.hand, dice);
  const diary: string[] = [];
  for (let n = 0; n < FIRST_EDITS; n += 1) diary.push(await edit(person));
  const zone = await zoneOf(holdfast, world);
  const resourceId = await addResource(holdfast, { timeZone: zone });
  const tentative = dice.one(['busy', 'free'] as const);
  const { accountId, calendarId } = world;
  const settings = { tentative, pollMinMs: 60_000, pollMaxMs: 60_000 };
  const body = { resourceId, accountId, calendarId, settings };
  const answer = await holdfast.call('POST', '/connections', body);
  if (answer.status !== 201) throw new Error(`connection: ${JSON.stringify(answer.body)}`);
  const connectionId = answer.body.id as string;
  const trial = { place, seed, dice, world, person, resourceId, connectionId, zone, tentative };
  return { ...trial, diary, lostPlace: false };
}

async function zoneOf(holdfast: Holdfast, { accountId, calendarId }: World): Promise<string> {
  const { body, status } = await holdfast.call('GET', `/accounts/${accountId}/calendars`);
  if (status !== 200) throw new Error(`calendars: ${JSON.stringify(body)}`);
  const listed = body.items as { id: string; timeZone: string }[];
  return listed.find(({ id }) => id === calendarId)?.timeZone ?? listed[0]!.timeZone;
}

/** Edits and troubles in the seed's order, then rest, then judgement. */
export async function run(trial: Trial): Promise<void> {
  const { dice, diary, person, place, world } = trial;
  const deathAt = dice.chance(0.25) ? dice.below(STEPS) : -1;
  const victim = dice.one(VICTIMS);
  let death: Promise<void> = Promise.resolve();
  for (let step = 0; step < STEPS; step += 1) {
    if (step === deathAt) {
      diary.push(`${victim} dies`);
      death = place.kill(victim);
    }
    if (dice.chance(0.7)) diary.push(await edit(person));
    else {
      const trouble = dice.one(world.troubles);
      diary.push(trouble.name);
      trial.lostPlace ||= trouble.losesPlace === true;
      await trouble.cause(dice);
    }
    await sleep(dice.below(400));
  }
  await death;
  await world.calm();
  await sleep(LONGEST_UNSEEN_MS);
  await settle(trial);
  await judge(trial);
}
