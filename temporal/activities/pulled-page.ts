import type { Pulled } from '../../src/channels/channel-provider.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { ourMarkers } from '../../src/store/sync-absence.ts';
import type { ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** A page of a channel, and how its entries are to be read. */
export type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

/** Spans that ended longer ago than this are not kept. */
const KEEP_PAST_MS = 7 * 86_400_000;

/** What a pass looks at: from a while ago to the horizon. */
export const windowOf = (deps: ActivityDependencies, pass: OpenPass) => ({
  fromAt: pass.passStartedAt - KEEP_PAST_MS,
  untilAt: pass.passStartedAt + deps.settings.horizonMs,
});

/** All entries of a page of which anything could be read. */
export const eventsOf = ({ changes, withheld }: Pick<Page, 'changes' | 'withheld'>) => [
  ...changes.flatMap((one) => (one.kind === 'upsert' ? [one.event] : [])),
  ...withheld.flatMap(({ event }) => event ?? []),
];

/** What tells which of these entries take time on this connection. */
export async function readingOf(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, events }: { pass: OpenPass; events: readonly NeutralEvent[] },
) {
  const markers = [...new Set(events.flatMap(({ marker }) => marker ?? []))];
  const ours = await ourMarkers(deps.database.pool, key, { ...pass, markers });
  return { tentative: pass.settings.tentative, isOurs: (marker: string) => ours.has(marker) };
}
