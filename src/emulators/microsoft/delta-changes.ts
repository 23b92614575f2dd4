import type { Entry, Window } from './event.ts';
import { itemsIn } from './occurrences.ts';
import type { Item } from './occurrences.ts';
import type { MicrosoftSwitches } from './switches.ts';

/** One line of a delta: something as it is now, or that it is gone from the window. */
export type Told =
  { item: Item; removed?: undefined } | { removed: { entry: Entry; wallMs: number | undefined } };

interface Versions {
  /** Undefined when the entry is new, or when the round tells everything. */
  before: Entry | undefined;
  now: Entry;
  /** A round that tells everything is silent about what lies outside. */
  everything: boolean;
}

/** What a delta tells of one entry between two of its versions. */
export function changesBetween(
  { before, now, everything }: Versions,
  window: Window,
  switches: MicrosoftSwitches,
): Told[] {
  const newItems = itemsIn(now, window, switches);
  const oldItems = before === undefined ? [] : itemsIn(before, window, switches);
  const oldPrints = new Map(oldItems.map((item) => [item.wallMs, fingerprint(item)]));
  const newKeys = new Set(newItems.map(({ wallMs }) => wallMs));
  const whole = switches.seriesChanges === 'whole';
  const changed = newItems.filter(
    (item) => whole || oldPrints.get(item.wallMs) !== fingerprint(item),
  );
  const gone = oldItems.filter(
    ({ wallMs }) => !newKeys.has(wallMs) && isReported(now, wallMs, switches),
  );
  const told: Told[] = [
    ...changed.map((item) => ({ item })),
    ...gone.map(({ wallMs }) => ({ removed: { entry: now, wallMs } })),
  ];
  const outside = newItems.length === 0 && oldItems.length === 0;
  // Source: microsoft-graph-docs issue 6599: a change outside the window is told as a removal.
  if (outside && !everything && switches.outsideChanges === 'removed') {
    told.push({ removed: { entry: now, wallMs: undefined } });
  }
  return told;
}

function isReported(now: Entry, wallMs: number | undefined, switches: MicrosoftSwitches): boolean {
  if (switches.occurrenceDeletion === 'removed' || now.deleted || wallMs === undefined) return true;
  return !now.cancelled.includes(wallMs);
}

function fingerprint({ type, event }: Item): string {
  if (type !== 'occurrence') return `${type} ${event.change}`;
  const { start, end } = event;
  return `${type} ${start.wallMs} ${end.wallMs} ${start.zone}`;
}
