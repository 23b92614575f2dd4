/**
 * A channel that gives its entries new ids at every listing says by them nothing new: an entry that
 * is gone and one that came, of the same time, are one entry under another name.
 */
export interface Rename {
  fromId: string;
  toId: string;
}

/** One entry, and text that is equal exactly where two take the same time. */
export interface Named {
  nativeId: string;
  time: string;
}

/** Pairs what is missing with what was added, each at most once, in the order given. */
export function pairRenames(missing: readonly Named[], added: readonly Named[]): Rename[] {
  const free = new Map<string, string[]>();
  for (const { nativeId, time } of added.toReversed())
    free.set(time, [...(free.get(time) ?? []), nativeId]);
  return missing.flatMap(({ nativeId, time }) => {
    const toId = free.get(time)?.pop();
    return toId === undefined ? [] : [{ fromId: nativeId, toId }];
  });
}
