import type { Channel, ChannelProvider } from '../channels/channel-provider.ts';
import { CHANNELS } from '../channels/channel-provider.ts';
import type { ApiDependencies } from './dependencies.ts';
import { Problem } from './problem.ts';

/** Throws `channel-unsuitable` when this installation does not carry the channel. */
export function providerOf(deps: ApiDependencies, channel: string): ChannelProvider {
  const provider = isChannel(channel) ? deps.providers.get(channel) : undefined;
  if (provider) return provider;
  throw new Problem('channel-unsuitable', {
    detail: 'This installation does not carry that channel. Ask its operator to configure it.',
  });
}

const isChannel = (text: string): text is Channel => CHANNELS.some((one) => one === text);
