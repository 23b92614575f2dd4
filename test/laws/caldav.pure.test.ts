import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import { CALDAV_FAILURES } from './caldav-failures.ts';
import { openCaldavBench, PAGE_SIZE } from './caldav-bench.ts';
import { channelLaws } from './channel-provider.ts';
import { convergenceLaws } from './convergence-laws.ts';

const { supports } = createCaldavProvider({
  fetchOutside: () => Promise.reject(new Error('The laws ask only through the bench.')),
  parties: [],
  plainHttpHosts: [],
});

channelLaws('caldav', {
  supports,
  failures: CALDAV_FAILURES,
  pageSize: PAGE_SIZE,
  positions: [
    { name: 'the usual answers', switches: {}, freesIds: true },
    {
      name: 'answers cut short by a 507, hrefs encoded zealously and the collection listed too',
      switches: {
        'caldav.syncPageSize': 7,
        'caldav.hrefEncoding': 'zealous',
        'caldav.listsCollection': true,
      },
      freesIds: true,
    },
    {
      name: "iCloud's habits: a partition host, whole hrefs, namespaces inline, empty propstats",
      switches: {
        'caldav.partition': 'other',
        'caldav.absoluteHrefs': true,
        'caldav.xmlStyle': 'inline',
        'caldav.emptyPropstats': true,
        'caldav.calendarData': 'cdata',
        'caldav.putEtag': 'absent',
      },
      freesIds: true,
    },
    {
      name: 'a server that drops hrefs from multigets, cuts by nresults unsaid and lists tombstones',
      switches: {
        'caldav.multigetDropsEvery': 3,
        'caldav.nresults': 'truncate',
        'caldav.initialTombstones': true,
        'caldav.hrefEncoding': 'minimal',
        'caldav.invalidToken': '409',
        'caldav.invalidTokenElement': false,
      },
      freesIds: true,
    },
    {
      name: 'a server that stores something else, with stale etags and tokens refused by a 412',
      switches: {
        'caldav.rewritesBodies': true,
        'caldav.putEtag': 'stale',
        'caldav.invalidToken': '412',
        'caldav.uidConflictStatus': '412',
        'caldav.deleteStatus': '200',
        'caldav.wellKnown': 'missing',
      },
      freesIds: true,
    },
    {
      name: 'no sync-collection, ctags alone',
      switches: { 'caldav.syncCollection': 'forbidden' },
      freesIds: true,
    },
    {
      name: 'no sync-collection and no ctags',
      switches: { 'caldav.syncCollection': 'notImplemented', 'caldav.ctag': 'absent' },
      freesIds: true,
    },
    {
      name: 'etags without quotes and members without .ics',
      switches: {
        'caldav.etags': 'unquoted',
        'caldav.invalidToken': '400',
        'caldav.bareMembers': true,
      },
      freesIds: true,
    },
    {
      name: 'weak etags',
      switches: { 'caldav.etags': 'weak' },
      freesIds: true,
    },
  ],
  open: () => openCaldavBench(),
});

convergenceLaws('the emulator', { open: () => openCaldavBench(), seeds: [1, 2, 3, 4] });

convergenceLaws('an emulator that cuts its answers short and drops hrefs', {
  open: async () => {
    const bench = await openCaldavBench();
    const switches = { 'caldav.syncPageSize': 3, 'caldav.multigetDropsEvery': 4 };
    await bench.takePosition({ name: 'hard', switches });
    return bench;
  },
  seeds: [5, 6, 7],
});
