import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import type { CaldavLimits, CaldavSettings } from '../../src/channels/caldav/dav.ts';
import { startEmulators } from '../../src/emulators/server.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import type { Credential } from '../../src/channels/channel-provider.ts';
import type { Bench, BenchCalendar, BenchFault } from './bench.ts';
import { davClient, davEdits } from './dav-client.ts';
import { controlOf } from './google-bench.ts';
import type { Control } from './google-bench.ts';

const CALLS: Record<BenchFault['on'], string> = {
  pull: 'REPORT',
  write: 'PUT',
  remove: 'DELETE',
  read: 'GET',
};

export const PAGE_SIZE = 25;

export interface CaldavBench extends Bench {
  url: string;
  partitionUrl: string;
  control: Control;
  settings: CaldavSettings;
  /** As a person gives it, before it was proved. */
  given: Extract<Credential, { kind: 'basic' }>;
  /** Moves the provider's clock. */
  later(ms: number): void;
}

/** The CalDAV provider at the emulator, in this process; the second client edits through `/dav`. */
export async function openCaldavBench(limits: Partial<CaldavLimits> = {}): Promise<CaldavBench> {
  const emulators = await startEmulators({ port: 0 });
  const { url, partitionUrl } = emulators;
  const hosts = [url, partitionUrl].map((one) => new URL(one).host);
  const control = controlOf(url);
  const outbound = createOutbound({ allow: hosts });
  let ahead = 0;
  const settings: CaldavSettings = {
    fetchOutside: outbound.fetchOutside,
    parties: [hosts.join('+')],
    plainHttpHosts: hosts,
    limits: { totalTimeoutMs: 1_000, pageSize: PAGE_SIZE, multigetSize: 10, ...limits },
    now: () => Date.now() + ahead,
  };
  const provider = createCaldavProvider(settings);
  const username = 'owner@example.com';
  const account = (await control('PUT', `caldav/accounts/${username}`, {})) as Account;
  const { password } = account;
  const given = { kind: 'basic' as const, serverUrl: url, username, password };
  const homeUrl = new URL(account.home, url).href;
  const naming = { suffix: '.ics' };
  const edits = davEdits(davClient({ homeUrl, username, password }), naming);
  let made = 0;
  const loseCursor = async ({ calendar }: BenchCalendar): Promise<void> => {
    const id = new URL(calendar.id).pathname.split('/').at(-2);
    await control('POST', `caldav/calendars/${id}/expire-sync-tokens`);
  };
  const bench: CaldavBench = {
    ...edits,
    url,
    partitionUrl,
    provider,
    control,
    settings,
    given,
    later: (ms) => void (ahead += ms),
    async takePosition({ switches }) {
      await control('DELETE', 'faults');
      await control('PUT', 'switches', { ...USUAL, ...switches });
      // Without well-known address a person gives the whole one.
      given.serverUrl = switches['caldav.wellKnown'] === 'missing' ? `${url}/dav/` : url;
      naming.suffix = switches['caldav.bareMembers'] === true ? '' : '.ics';
      const hasTokens = (switches['caldav.syncCollection'] ?? 'supported') === 'supported';
      bench.loseCursor = hasTokens ? loseCursor : null;
    },
    async newCalendar() {
      made += 1;
      const { credential } = await provider.prove({ credential: given });
      if (credential.kind !== 'basic') throw new Error('A password became something else.');
      const body = { owner: username, displayName: `Room ${made}`, timezone: 'Europe/Paris' };
      await control('PUT', `caldav/calendars/room-${made}`, body);
      const id = new URL(`room-${made}/`, credential.homeUrl).href;
      return { access: credential, calendar: { id, timeZone: 'Europe/Paris' } };
    },
    loseCursor,
    async fault({ on, ...rest }) {
      await control('POST', 'faults', { host: 'caldav', method: CALLS[on], path: '.', ...rest });
    },
    async requests() {
      const { entries } = (await control('GET', 'record?host=caldav')) as { entries: unknown[] };
      return entries.length;
    },
    async close() {
      await outbound.close();
      await emulators.close();
    },
  };
  return bench;
}

interface Account {
  password: string;
  /** A path. */
  home: string;
}

/** The switches that a position may have changed. */
const USUAL = {
  'caldav.partition': 'same',
  'caldav.wellKnown': '301',
  'caldav.xmlStyle': 'prefixed',
  'caldav.calendarData': 'escaped',
  'caldav.xmlExtra': 'none',
  'caldav.hrefEncoding': 'usual',
  'caldav.absoluteHrefs': false,
  'caldav.bareMembers': false,
  'caldav.hostile': 'none',
  'caldav.etags': 'strong',
  'caldav.ctag': 'present',
  'caldav.ctagDelayMs': 0,
  'caldav.syncCollection': 'supported',
  'caldav.syncPageSize': 0,
  'caldav.nresults': 'honour',
  'caldav.invalidToken': '403',
  'caldav.invalidTokenElement': true,
  'caldav.initialTombstones': false,
  'caldav.listsCollection': false,
  'caldav.emptyPropstats': false,
  'caldav.syncDepth': 'strict',
  'caldav.multigetDropsEvery': 0,
  'caldav.freeBusyQuery': 'supported',
  'caldav.putEtag': 'given',
  'caldav.rewritesBodies': false,
  'caldav.uidConflictStatus': '403',
  'caldav.namesMustMatchUid': false,
  'caldav.deleteStatus': '204',
};
