import { CHANNELS, type Channel } from '../../src/channels/channel-provider.ts';
import { limitsFrom, type ChannelLimits } from '../../src/domain/limits.ts';
import { tallied } from '../../src/outbound/requests.ts';

const PLENTY = limitsFrom({
  queuePerSecond: 1_000_000,
  accountPerMinute: 1_000_000,
  sharedPerMinute: null,
  atOnce: null,
});

/** What an activity is given where its channel's limits are not what is looked at. */
export const UNLIMITED = {
  limits: Object.fromEntries(CHANNELS.map((channel) => [channel, PLENTY])) as Record<
    Channel,
    ChannelLimits
  >,
  tallied,
};
