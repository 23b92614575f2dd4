import { Failure } from '../../domain/failure.ts';
import type { Access, ChannelProvider } from '../channel-provider.ts';
import { listHome } from './collections.ts';
import { openDav } from './dav.ts';
import type { CaldavSettings } from './dav.ts';
import { prove } from './discovery.ts';
import { freeBusy } from './free-busy.ts';
import { read, remove, write } from './mirrors.ts';
import { pull } from './pull.ts';
import type { OpenListings } from './pull.ts';

export type { CaldavSettings } from './dav.ts';

/**
 * CalDAV (RFC 4791) with sync tokens (RFC 6578) behind the channel port, iCloud included. It has no
 * consent page and no push (`invalid: unsupported`); connections are polled.
 */
export function createCaldavProvider(settings: CaldavSettings): ChannelProvider {
  const open: OpenListings = new Map();
  return {
    channel: 'caldav',
    supports: {
      oauth: false,
      push: false,
      write: true,
      renewal: 'none',
      absenceConfirmMs: 0,
      readAhead: true,
    },
    prove: ({ credential }) => prove(settings, credential),
    listCalendars: ({ access }) => listCalendars(settings, access),
    pull: (input) => pull(settings, open, input),
    write: (input) => write(settings, input),
    remove: (input) => remove(settings, input),
    read: (input) => read(settings, input),
    freeBusy: (input) => freeBusy(settings, input),
    receive: () => ({ reply: { status: 404 }, hints: [] }),
    authorizationUrl: refuse,
    exchange: refuseLater,
    refresh: refuseLater,
    watch: refuseLater,
    renew: refuseLater,
    unwatch: refuseLater,
  };
}

async function listCalendars(settings: CaldavSettings, access: Access) {
  const { access: known } = openDav(settings, access);
  // An account that was connected by other means than `prove` is completed on the way.
  const { credential } = known.homeUrl ? { credential: known } : await prove(settings, known);
  const { homeUrl } = credential as typeof known;
  return listHome(openDav(settings, credential), new URL(homeUrl!));
}

const refuse = (): never => {
  throw new Failure({ kind: 'invalid', code: 'unsupported' });
};

const refuseLater = async (): Promise<never> => refuse();
