/** Chance that a seed decides: the same seed rolls the same numbers. */
export interface Dice {
  /** A whole number from 0, below `limit`. */
  below(limit: number): number;
  /** True in this share of rolls. */
  chance(share: number): boolean;
  one<T>(of: readonly T[]): T;
}

/** Mulberry32: 32 bits of state, which is plenty for a day's edits. */
export function diceOf(seed: number): Dice {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const roll = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (limit) => Math.floor(roll() * limit),
    chance: (share) => roll() < share,
    one: (of) => of[Math.floor(roll() * of.length)]!,
  };
}
