import { AsyncLocalStorage } from 'node:async_hooks';

/** How many requests one call to a channel makes: one mostly, a batch of them at times. */
export interface Tally {
  made: number;
}

const tallies = new AsyncLocalStorage<Tally>();

/** Counts the requests that `run` makes through whatever `counted` wraps. */
export const tallied = <T>(tally: Tally, run: () => Promise<T>): Promise<T> =>
  tallies.run(tally, run);

/** The same function, counted by whoever asks. */
export const counted =
  <A extends unknown[], R>(send: (...args: A) => R) =>
  (...args: A): R => {
    const tally = tallies.getStore();
    if (tally) tally.made += 1;
    return send(...args);
  };
