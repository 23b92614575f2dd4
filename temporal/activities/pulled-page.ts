import { createHash } from 'node:crypto';
import type { Pulled } from '../../src/channels/channel-provider.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { nightSecondsOf } from '../../src/domain/nights.ts';
import type { Interval } from '../../src/domain/interval.ts';
import { isOurMirror, ourMirrors } from '../../src/store/our-mirrors.ts';
import type { ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { spanOf } from './mirror-copy.ts';

/** A page of a channel, and how its entries are to be read. */
export type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

const DAY_MS = 86_400_000;
/** Spans that ended longer ago than this are not kept. */
const KEEP_PAST_MS = 7 * DAY_MS;
/** What a channel is asked for beyond the horizon, so that a fixed stretch of time lasts a while. */
const BEYOND_HORIZON_MS = 90 * DAY_MS;
const LEAST_SLACK_MS = 15 * DAY_MS;
const MOST_SLACK_MS = 45 * DAY_MS;

/**
 * What a pass looks at: from a while ago to the horizon, and at least as far as the rest of the
 * calendar is expanded, also when the edge moved on while the pass stood still.
 */
export const windowOf = (deps: ActivityDependencies, pass: OpenPass) => ({
  fromAt: pass.passStartedAt - KEEP_PAST_MS,
  untilAt: Math.max(pass.passStartedAt + deps.settings.horizonMs, pass.expandedUntilAt ?? 0),
});

/** What the channel is asked for: from yesterday to well beyond the horizon. */
export const windowToAsk = (deps: ActivityDependencies, pass: OpenPass): Interval => ({
  startAt: pass.passStartedAt - DAY_MS,
  endAt: pass.passStartedAt + deps.settings.horizonMs + BEYOND_HORIZON_MS,
});

/**
 * How far beyond the horizon a channel's stretch of time must reach: the same for a connection for
 * ever, and another for the next, so that calendars connected together are not read anew together.
 */
export function slackMs(connectionId: string): number {
  const share = createHash('sha256').update(connectionId).digest().readUInt32BE(0) / 2 ** 32;
  return LEAST_SLACK_MS + share * (MOST_SLACK_MS - LEAST_SLACK_MS);
}

/** All entries of a page of which anything could be read. */
export const eventsOf = ({ changes, withheld }: Pick<Page, 'changes' | 'withheld'>) => [
  ...changes.flatMap((one) => (one.kind === 'upsert' ? [one.event] : [])),
  ...withheld.flatMap(({ event }) => event ?? []),
];

/** The part of it that no entry changes. */
export function settingsOf({ settings, resourceZone, resourceNights }: OpenPass) {
  const { tentative, outOfOffice, workingElsewhere, free } = settings;
  const nights = resourceNights && nightSecondsOf(resourceNights);
  return { tentative, outOfOffice, workingElsewhere, free, dayZone: resourceZone, nights };
}

/** What tells which of these entries take time on this connection. */
export async function readingOf(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, events }: { pass: OpenPass; events: readonly NeutralEvent[] },
) {
  const { resourceId, unit, timeZone } = pass;
  const ours = await ourMirrors(deps.database.pool, key, { resourceId, unit, events });
  const isOurs = (event: NeutralEvent) => isOurMirror(ours, event, (one) => spanOf(one, timeZone));
  return { ...settingsOf(pass), isOurs };
}
