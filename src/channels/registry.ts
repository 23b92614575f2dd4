import type { Config } from '../config.ts';
import { Failure } from '../domain/failure.ts';
import { limitsFrom, type ChannelLimits } from '../domain/limits.ts';
import type { FetchOutside } from '../outbound/outbound.ts';
import { counted } from '../outbound/requests.ts';
import type { Channel, ChannelProvider } from './channel-provider.ts';
import type { CaldavSettings } from './caldav/provider.ts';
import { createCaldavProvider } from './caldav/provider.ts';
import { createGoogleProvider } from './google/provider.ts';
import type { GoogleSettings } from './google/provider.ts';
import { createIcalProvider } from './ical/provider.ts';
import type { IcalSettings } from './ical/provider.ts';
import { createMicrosoftProvider } from './microsoft/provider.ts';
import type { MicrosoftSettings } from './microsoft/provider.ts';

/** What each provider is made of; a channel without settings cannot be connected. */
export interface ChannelSettings {
  google?: GoogleSettings;
  microsoft?: MicrosoftSettings;
  caldav?: CaldavSettings;
  ical?: IcalSettings;
}

export type ChannelRegistry = ReadonlyMap<Channel, ChannelProvider>;

/** Every channel this process speaks to, one line each. */
export function createRegistry(settings: ChannelSettings): ChannelRegistry {
  const providers = [
    settings.google && createGoogleProvider(settings.google),
    settings.microsoft && createMicrosoftProvider(settings.microsoft),
    settings.caldav && createCaldavProvider(settings.caldav),
    settings.ical && createIcalProvider(settings.ical),
  ];
  return new Map(
    providers.flatMap((provider) => (provider ? [[provider.channel, provider] as const] : [])),
  );
}

/** What the settings of a process give each channel. OAuth channels need a client of our own. */
export const settingsOf = (config: Config, fetchOutside: FetchOutside): ChannelSettings => ({
  ...(config.googleClientId !== '' && {
    google: {
      apiUrl: config.googleApiUrl,
      authUrl: config.googleAuthUrl,
      tokenUrl: config.googleTokenUrl,
      clientId: config.googleClientId,
      clientSecret: config.googleClientSecret,
      fetch: counted(fetch),
    },
  }),
  ...(config.microsoftClientId !== '' && {
    microsoft: {
      apiUrl: config.microsoftApiUrl,
      authUrl: config.microsoftAuthUrl,
      tokenUrl: config.microsoftTokenUrl,
      clientId: config.microsoftClientId,
      clientSecret: config.microsoftClientSecret,
      sharedCalendars: config.microsoftSharedCalendars,
      maxSubscriptionMs: config.microsoftSubscriptionMinutes * 60_000,
      fetch: counted(fetch),
    },
  }),
  caldav: {
    fetchOutside: counted(fetchOutside),
    parties: config.caldavParties,
    plainHttpHosts: config.outboundAllow,
  },
  ical: { fetchOutside: counted(fetchOutside) },
});

/** What each channel may be asked. A feed's host knows us by our address, so it refuses all feeds. */
export const limitsOf = (config: Config): Readonly<Record<Channel, ChannelLimits>> => ({
  google: limitsFrom(config.googleLimits),
  microsoft: limitsFrom(config.microsoftLimits),
  caldav: limitsFrom(config.caldavLimits),
  ical: limitsFrom(config.icalLimits, 'shared'),
});

/** Activities of each channel's queue that start in a second. */
export const queueRatesOf = (config: Config): Readonly<Record<Channel, number>> => ({
  google: config.googleLimits.queuePerSecond,
  microsoft: config.microsoftLimits.queuePerSecond,
  caldav: config.caldavLimits.queuePerSecond,
  ical: config.icalLimits.queuePerSecond,
});

/** Throws `invalid` when the channel has no settings here. */
export function providerOf(registry: ChannelRegistry, channel: Channel): ChannelProvider {
  const provider = registry.get(channel);
  if (!provider) throw new Failure({ kind: 'invalid', code: 'channel-not-set-up' });
  return provider;
}
