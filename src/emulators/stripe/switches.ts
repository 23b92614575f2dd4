import type { Host } from '../host.ts';

/*
 * | switch (stripe.…)        | default    | positions                                                        |
 * | ------------------------ | ---------- | ---------------------------------------------------------------- |
 * | idempotentReplayedHeader | true       | whether a replay carries `Idempotent-Replayed: true`             |
 * | releaseShowsAsRefund     | true       | a release also raises `amount_refunded` and sends charge.refunded, or is silent there |
 * | overRefundCode           | none       | code of a refund above what is left: none, or amount_too_large   |
 * | cancelWhileProcessing    | false      | whether an intent may be cancelled while it is processing        |
 * | cardsProcessFirst        | false      | cards read `processing` before their outcome, or have it at once |
 * | processingSettlesMs      | -1         | processing ends by itself after this long; -1: only by control   |
 * | refundSettlesMs          | -1         | the same for what a pending or later failing refund becomes      |
 * | authorizationSeconds     | 604800     | life of an uncaptured card authorization (`capture_before`)      |
 * | searchLagMs              | 0          | how much later than reads a search finds a new intent            |
 * | pagesUrl                 | (empty)    | where a browser finds this host's pages; empty: the host of the request |
 * | webhooks                 | sent       | events are sent, or withheld until released                      |
 * | webhookDelayMs           | 5          | between a change and the first attempt to tell                   |
 * | webhookShuffleMs         | 0          | each delivery waits a random time up to this: they change places |
 * | webhookCopies            | 1          | how often each delivery is sent at first                         |
 * | webhookRetries           | fast       | fast: 50 ms doubling to 5 s; slow: 5 s doubling to 1 h; off      |
 */
export type Switches = ReturnType<typeof declareSwitches>;

export function declareSwitches(host: Host) {
  const defaults = {
    idempotentReplayedHeader: true,
    releaseShowsAsRefund: true,
    overRefundCode: 'none',
    cancelWhileProcessing: false,
    cardsProcessFirst: false,
    processingSettlesMs: -1,
    refundSettlesMs: -1,
    authorizationSeconds: 604_800,
    searchLagMs: 0,
    pagesUrl: '',
    webhooks: 'sent',
    webhookDelayMs: 5,
    webhookShuffleMs: 0,
    webhookCopies: 1,
    webhookRetries: 'fast',
  };
  return host.switches.declare('stripe', defaults, {
    overRefundCode: ['none', 'amount_too_large'],
    webhooks: ['sent', 'withheld'],
    webhookRetries: ['fast', 'slow', 'off'],
  });
}
