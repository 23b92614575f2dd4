import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Holdfast } from '../support/holdfast.ts';
import type { Dice } from './dice.ts';
import type { Person } from './person.ts';
import type { Place } from './place.ts';
import type { World } from './world.ts';

/** One seed: a calendar, somebody who edits it, and all that goes wrong meanwhile. */
export interface Trial {
  place: Place;
  seed: number;
  dice: Dice;
  world: World;
  person: Person;
  resourceId: string;
  connectionId: string;
  zone: string;
  tentative: 'busy' | 'free';
  /** A listing of everything was asked for: what is missing there may have to be confirmed. */
  lostPlace: boolean;
  /** What happened, in order, for whoever reads a failing seed. */
  diary: string[];
}

const SETTLE_MS = 75_000;

/** Until a look that began after the last edit has ended well. */
export async function settle(trial: Trial): Promise<void> {
  const { place, connectionId, diary } = trial;
  const deadline = Date.now() + SETTLE_MS;
  let last: unknown = null;
  while (Date.now() < deadline) {
    const answer = await syncNow(place.holdfast, connectionId);
    last = answer?.body ?? last;
    const { pulled, status } = answer?.body ?? {};
    if (pulled === 'done' && (status === 'live' || status === 'guarded')) {
      diary.push(`settled: ${status}`);
      return;
    }
    await sleep(500);
  }
  throw new Error(`It did not settle in ${SETTLE_MS} ms; last: ${JSON.stringify(last)}`);
}

/** Null while the API is away. */
const syncNow = (holdfast: Holdfast, connectionId: string): Promise<Answer | null> =>
  holdfast.call('POST', `/connections/${connectionId}/sync-now`, {}).catch(() => null);

/** An operator believes the channel, and the pass that follows ends well. */
export async function acceptRemovals(trial: Trial): Promise<void> {
  const { place, connectionId } = trial;
  const answer = await place.holdfast.call('POST', `/connections/${connectionId}/resync`, {
    acceptRemovals: true,
  });
  if (answer.status !== 200) throw new Error(`resync: ${JSON.stringify(answer.body)}`);
  await settle(trial);
}
