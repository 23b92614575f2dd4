import type { Channel } from '../../src/channels/channel-provider.ts';

type Manner = Record<string, boolean | number | string>;

/** Ways in which a channel legitimately differs; ten seeds in a row share one. */
const MANNERS: Record<Channel, readonly Manner[]> = {
  google: [
    { 'google.pages': 'short', 'google.notificationDelayMs': 2 },
    { 'google.pages': 'empty', 'google.notificationDelayMs': 300 },
    { 'google.tombstones': 'bare', 'google.visibilityDelayMs': 300 },
    { 'google.tombstones': 'full', 'google.rotateRefreshTokens': true },
    { 'google.goneWithoutReason': true, 'google.deliverNotifications': false },
  ],
  microsoft: [
    { 'microsoft.pages': 'short', 'microsoft.replays': 'entities' },
    { 'microsoft.pages': 'empty', 'microsoft.notificationDelayMs': 300 },
    { 'microsoft.replays': 'rounds', 'microsoft.seriesChanges': 'whole' },
    { 'microsoft.resetAnswer': 'syncStateNotFound', 'microsoft.resetNested': true },
    { 'microsoft.occurrenceDeletion': 'masterOnly', 'microsoft.visibilityDelayMs': 300 },
    { 'microsoft.resetAnswer': 'resyncRequired', 'microsoft.deliverNotifications': false },
  ],
  caldav: [
    { 'caldav.syncPageSize': 7, 'caldav.nresults': 'ignore' },
    { 'caldav.partition': 'other', 'caldav.xmlStyle': 'inline', 'caldav.calendarData': 'cdata' },
    { 'caldav.syncCollection': 'forbidden' },
    { 'caldav.syncCollection': 'notImplemented', 'caldav.ctag': 'absent' },
    { 'caldav.invalidToken': '409', 'caldav.multigetDropsEvery': 5 },
    { 'caldav.hrefEncoding': 'zealous', 'caldav.absoluteHrefs': true, 'caldav.etags': 'weak' },
  ],
  ical: [{}],
};

/** Calendars of one Holdfast at a time. */
const SHARED_BY = 10;

export const mannerIndex = (seed: number): number => Math.floor((seed - 1) / SHARED_BY);

/** Every switch that any manner of the channel sets, at its usual position unless this one says. */
export function mannerOf(channel: Channel, seed: number): Manner {
  const all = MANNERS[channel];
  const chosen = all[mannerIndex(seed) % all.length]!;
  return { ...USUAL[channel], ...chosen };
}

const USUAL: Record<Channel, Manner> = {
  google: {
    'google.pages': 'full',
    'google.notificationDelayMs': 2,
    'google.tombstones': 'minimal',
    'google.visibilityDelayMs': 0,
    'google.rotateRefreshTokens': false,
    'google.goneWithoutReason': false,
    'google.deliverNotifications': true,
  },
  microsoft: {
    'microsoft.pages': 'full',
    'microsoft.replays': 'none',
    'microsoft.notificationDelayMs': 2,
    'microsoft.seriesChanges': 'changed',
    'microsoft.resetAnswer': 'gone',
    'microsoft.resetNested': false,
    'microsoft.occurrenceDeletion': 'removed',
    'microsoft.visibilityDelayMs': 0,
    'microsoft.deliverNotifications': true,
  },
  caldav: {
    'caldav.syncPageSize': 0,
    'caldav.nresults': 'honour',
    'caldav.partition': 'same',
    'caldav.xmlStyle': 'prefixed',
    'caldav.calendarData': 'escaped',
    'caldav.syncCollection': 'supported',
    'caldav.ctag': 'present',
    'caldav.invalidToken': '403',
    'caldav.multigetDropsEvery': 0,
    'caldav.hrefEncoding': 'usual',
    'caldav.absoluteHrefs': false,
    'caldav.etags': 'strong',
  },
  ical: {},
};
