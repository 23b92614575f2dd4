import type { ChannelProvider } from '../channel-provider.ts';
import { oauthOf } from '../oauth.ts';
import { listCalendars } from './calendars.ts';
import type { MicrosoftSettings } from './client.ts';
import { freeBusy } from './free-busy.ts';
import { read, remove, write } from './mirrors.ts';
import { receive } from './notifications.ts';
import { microsoftOAuth } from './oauth.ts';
import { pull } from './pull.ts';
import { renew, unwatch, watch } from './subscriptions.ts';

export type { MicrosoftSettings } from './client.ts';

/** Microsoft Graph v1.0 behind the channel port. */
export function createMicrosoftProvider(settings: MicrosoftSettings): ChannelProvider {
  return {
    channel: 'microsoft',
    supports: { oauth: true, push: true, write: true, renewal: 'extend', absenceConfirmMs: 0 },
    ...oauthOf(microsoftOAuth(settings)),
    prove: ({ credential }) => Promise.resolve({ credential, subject: null }),
    listCalendars: ({ access }) => listCalendars(settings, access),
    pull: (input) => pull(settings, input),
    receive,
    watch: (input) => watch(settings, input),
    renew: (input) => renew(settings, input),
    unwatch: (input) => unwatch(settings, input),
    write: (input) => write(settings, input),
    remove: (input) => remove(settings, input),
    read: (input) => read(settings, input),
    freeBusy: (input) => freeBusy(settings, input),
  };
}
