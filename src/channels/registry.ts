import type { Config } from '../config.ts';
import { Failure } from '../domain/failure.ts';
import type { FetchOutside } from '../outbound/outbound.ts';
import type { Channel, ChannelProvider } from './channel-provider.ts';
import { createGoogleProvider } from './google/provider.ts';
import type { GoogleSettings } from './google/provider.ts';
import { createIcalProvider } from './ical/provider.ts';
import type { IcalSettings } from './ical/provider.ts';

/** What each provider is made of; a channel without settings cannot be connected. */
export interface ChannelSettings {
  google?: GoogleSettings;
  ical?: IcalSettings;
}

export type ChannelRegistry = ReadonlyMap<Channel, ChannelProvider>;

/** Every channel this process speaks to, one line each. */
export function createRegistry(settings: ChannelSettings): ChannelRegistry {
  const providers = [
    settings.google && createGoogleProvider(settings.google),
    settings.ical && createIcalProvider(settings.ical),
  ];
  return new Map(
    providers.flatMap((provider) => (provider ? [[provider.channel, provider] as const] : [])),
  );
}

/** What the settings of a process give each channel. Google needs an OAuth client of its own. */
export const settingsOf = (config: Config, fetchOutside: FetchOutside): ChannelSettings => ({
  ...(config.googleClientId !== '' && {
    google: {
      apiUrl: config.googleApiUrl,
      authUrl: config.googleAuthUrl,
      tokenUrl: config.googleTokenUrl,
      clientId: config.googleClientId,
      clientSecret: config.googleClientSecret,
    },
  }),
  ical: { fetchOutside },
});

/** Throws `invalid` when the channel has no settings here. */
export function providerOf(registry: ChannelRegistry, channel: Channel): ChannelProvider {
  const provider = registry.get(channel);
  if (!provider) throw new Failure({ kind: 'invalid', code: 'channel-not-set-up' });
  return provider;
}
