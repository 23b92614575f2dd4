import type { Host } from '../host.ts';

/**
 * What is not confirmed about Microsoft Graph, or legitimately varies there. Set through
 * `PUT /control/switches` as `microsoft.<name>`. The first position is the default.
 *
 * | switch | positions |
 * |---|---|
 * | consent | allow · deny: the person refuses · partial: grants all requested scopes but the last |
 * | oldRefreshToken | lives: a rotated refresh token stays good · dies: it ends when its successor is made |
 * | serviceTimeMs | 2: time each call takes, so that calls overlap |
 * | concurrentPerMailbox | 4: calls of one mailbox at a time |
 * | overConcurrency | 429 · 503: status of a call over that limit, both with `Retry-After` |
 * | retryAfterSeconds | 1: what `Retry-After` says then |
 * | visibilityDelayMs | 0: a change is in the delta at once · n: only n ms later, so a notification can come first |
 * | pages | full · short: a third of what was asked · empty: every second delta page has no items |
 * | replays | none · entities: a page begins with the last item of the one before · rounds: a round tells the one before again |
 * | stuckPages | false · true: every nextLink gives the same ids under a new link, without end |
 * | occurrenceDeletion | removed: a deleted occurrence is `@removed` beside its master · masterOnly: only the master comes · unreported |
 * | seriesChanges | changed: a changed series sends what differs · whole: it sends everything in the window |
 * | outsideChanges | removed: a change outside the window is `@removed` · silent: only if it was inside before |
 * | resetAnswer | gone: 410 with `Location` · syncStateNotFound, SyncStateNotFound, resyncRequired, syncStateInvalid: that code with `resetStatus` |
 * | resetStatus | 400: status of those codes |
 * | resetNested | false · true: the code stands in `innerError`, under a general one |
 * | allDayShown | dates: all-day events read midnight in every zone · converted: they shift with the zone asked for |
 * | shortMonths | lastDay: day 31 falls on the last day of a shorter month · skip |
 * | seriesUid | absent · shared: events carry `uid`, one for a series (not confirmed for v1.0) |
 * | duplicateTransaction | 400 · 409: status of ErrorDuplicateTransactionId |
 * | transactionReplay | duplicate: an identical second create is refused too · first: it answers the first event |
 * | transactionOutlivesEvent | false · true: the transactionId of a deleted event stays taken |
 * | preconditionCode | ErrorIrresolvableConflict · PreconditionFailed: code of a 412 |
 * | sharedRefusal | ErrorAccessDenied (403) · ErrorItemNotFound (404) · ErrorInvalidRequest (400): delta or subscription on a shared calendar |
 * | elsewhereDigit | 0: working elsewhere in an availabilityView, as its page says · 4: as the enumeration says |
 * | deliverNotifications | true · false: notifications are lost |
 * | notificationDelayMs | 2: time between a change and its notification |
 * | batchNotifications | true: notifications of one URL share a POST · false: one each |
 * | notifyBeforeSubscribeAnswer | false · true: a notification arrives before the subscribe call is answered |
 * | notificationRetries | 5: attempts after no answer, 429 or 5xx · 0: none |
 * | notificationRetryDelayMs | 1000: first wait, doubled each time (not published) |
 * | notificationTimeoutMs | 3000: a receiver slower than this has failed; 10000 in some translations |
 * | validationTimeoutMs | 10000: how long the handshake waits for its echo |
 * | notificationUrlHttps | optional: http is taken, for receivers on loopback · required: as the real service |
 * | duplicateSubscriptions | refuse: same resource and changeType is a 409 · allow |
 */
export function declareMicrosoftSwitches(host: Host) {
  return host.switches.declare('microsoft', defaults, {
    consent: ['allow', 'deny', 'partial'],
    oldRefreshToken: ['lives', 'dies'],
    overConcurrency: ['429', '503'],
    pages: ['full', 'short', 'empty'],
    replays: ['none', 'entities', 'rounds'],
    occurrenceDeletion: ['removed', 'masterOnly', 'unreported'],
    seriesChanges: ['changed', 'whole'],
    outsideChanges: ['removed', 'silent'],
    resetAnswer: [
      'gone',
      'syncStateNotFound',
      'SyncStateNotFound',
      'resyncRequired',
      'syncStateInvalid',
    ],
    allDayShown: ['dates', 'converted'],
    shortMonths: ['lastDay', 'skip'],
    seriesUid: ['absent', 'shared'],
    duplicateTransaction: ['400', '409'],
    transactionReplay: ['duplicate', 'first'],
    preconditionCode: ['ErrorIrresolvableConflict', 'PreconditionFailed'],
    sharedRefusal: ['ErrorAccessDenied', 'ErrorItemNotFound', 'ErrorInvalidRequest'],
    elsewhereDigit: ['0', '4'],
    notificationUrlHttps: ['optional', 'required'],
    duplicateSubscriptions: ['refuse', 'allow'],
  });
}

const defaults = {
  consent: 'allow',
  oldRefreshToken: 'lives',
  serviceTimeMs: 2,
  concurrentPerMailbox: 4,
  overConcurrency: '429',
  retryAfterSeconds: 1,
  visibilityDelayMs: 0,
  pages: 'full',
  replays: 'none',
  stuckPages: false,
  occurrenceDeletion: 'removed',
  seriesChanges: 'changed',
  outsideChanges: 'removed',
  resetAnswer: 'gone',
  resetStatus: 400,
  resetNested: false,
  allDayShown: 'dates',
  shortMonths: 'lastDay',
  seriesUid: 'absent',
  duplicateTransaction: '400',
  transactionReplay: 'duplicate',
  transactionOutlivesEvent: false,
  preconditionCode: 'ErrorIrresolvableConflict',
  sharedRefusal: 'ErrorAccessDenied',
  elsewhereDigit: '0',
  deliverNotifications: true,
  notificationDelayMs: 2,
  batchNotifications: true,
  notifyBeforeSubscribeAnswer: false,
  notificationRetries: 5,
  notificationRetryDelayMs: 1000,
  notificationTimeoutMs: 3000,
  validationTimeoutMs: 10_000,
  notificationUrlHttps: 'optional',
  duplicateSubscriptions: 'refuse',
};

export type MicrosoftSwitches = ReturnType<typeof declareMicrosoftSwitches>;
