import type { Host } from '../host.ts';

/**
 * What is not confirmed about Google, or legitimately varies there. Set through
 * `PUT /control/switches` as `google.<name>`. The first position is the default.
 *
 * | switch | positions |
 * |---|---|
 * | visibilityDelayMs | 0: a change is listed at once · n: only n ms later, so a notification can come first |
 * | notificationDelayMs | 2: time between a change and its notification |
 * | deliverNotifications | true · false: notifications are lost (the guide says some will be) |
 * | syncBeforeWatchAnswer | false: `sync` follows the watch answer · true: it is delivered before the answer leaves |
 * | notificationRetries | 5: attempts after a 500, 502, 503 or 504 · 0: none |
 * | notificationRetryDelayMs | 1000: first wait, doubled each time (not published) |
 * | notificationTimeoutMs | 10000: a receiver slower than this has failed (not published) |
 * | channelMaxTtlSeconds | 2592000: hard maximum of a channel's life (not published) |
 * | channelAddressHttps | optional: http is taken, for receivers on loopback · required: as the real service |
 * | deletedIdStaysTaken | true: inserting the id of a deleted event is a 409 · false: it makes a new event |
 * | pages | full · short: a third of what was asked · empty: every second page has no items |
 * | tombstones | minimal: kind, etag, id, status · bare: id and status · full: all fields of the event |
 * | syncTokenRestriction | syncTokenWithRequestRestrictions · invalid · badRequest: reason of the 400 |
 * | changedSyncParameters | refuse: 400 · ignore: the token's own parameters go on (documented as undefined) |
 * | malformedSyncToken | gone: 410, as reported by users · invalid: 400 |
 * | goneWithoutReason | false · true: the 410 of a list carries no reason (seen in public reports) |
 * | syncKeepsTimeBounds | false: an incremental list reports changes at any time · true: only inside the initial bounds |
 * | unknownBodyFields | refuse: 400 · ignore |
 * | rotateRefreshTokens | false: a refresh answer has no refresh token · true: it has a new one |
 * | consent | allow · deny: the person refuses · partial: grants all requested scopes but the last |
 */
export function declareGoogleSwitches(host: Host) {
  return host.switches.declare(
    'google',
    {
      visibilityDelayMs: 0,
      notificationDelayMs: 2,
      deliverNotifications: true,
      syncBeforeWatchAnswer: false,
      notificationRetries: 5,
      notificationRetryDelayMs: 1000,
      notificationTimeoutMs: 10_000,
      channelMaxTtlSeconds: 2_592_000,
      channelAddressHttps: 'optional',
      deletedIdStaysTaken: true,
      pages: 'full',
      tombstones: 'minimal',
      syncTokenRestriction: 'syncTokenWithRequestRestrictions',
      changedSyncParameters: 'refuse',
      malformedSyncToken: 'gone',
      goneWithoutReason: false,
      syncKeepsTimeBounds: false,
      unknownBodyFields: 'refuse',
      rotateRefreshTokens: false,
      consent: 'allow',
    },
    {
      channelAddressHttps: ['optional', 'required'],
      pages: ['full', 'short', 'empty'],
      tombstones: ['minimal', 'bare', 'full'],
      syncTokenRestriction: ['syncTokenWithRequestRestrictions', 'invalid', 'badRequest'],
      changedSyncParameters: ['refuse', 'ignore'],
      malformedSyncToken: ['gone', 'invalid'],
      unknownBodyFields: ['refuse', 'ignore'],
      consent: ['allow', 'deny', 'partial'],
    },
  );
}

export type GoogleSwitches = ReturnType<typeof declareGoogleSwitches>;
