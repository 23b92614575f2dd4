import type { Host } from '../host.ts';

/**
 * What is not confirmed about iCloud, or differs between CalDAV servers. Set through
 * `PUT /control/switches` as `caldav.<name>`. The first position is the default.
 *
 * | switch | positions |
 * |---|---|
 * | partition | same: calendars live where the principal is · other: only at the partition origin, as iCloud · either: at both, and the home set names the partition |
 * | partitionOrigin | empty: the second port's own origin · an origin: what the home set names instead |
 * | wellKnown | 301 · 302 · 307 · 308 · missing: 404 |
 * | xmlStyle | prefixed · inline: a namespace is declared where it changes, as iCloud |
 * | calendarData | escaped · cdata |
 * | xmlExtra | none · doctype · entityBomb · externalEntity: before and inside every multistatus |
 * | hrefEncoding | usual · minimal: `@ : + ,` and others stay · zealous: all but letters and digits, in lower case |
 * | absoluteHrefs | false · true: whole addresses instead of paths |
 * | bareMembers | false · true: members are listed without `.ics`; both spellings are found |
 * | hostile | none · principal · homeSet · calendar · member · redirect: that address leads to hostileAddress |
 * | hostileAddress | where it leads |
 * | etags | strong · weak: with `W/` · unquoted |
 * | ctag | present · absent |
 * | ctagDelayMs | 0: a ctag moves with its calendar · n: only n ms later |
 * | syncCollection | supported · forbidden: 403 and not in supported-report-set · notImplemented: 501 and not there |
 * | syncPageSize | 0: all at once · n: 507 and a token after n members (about 230 seen at Google) |
 * | nresults | honour · ignore · truncate: cut without a 507 and with the newest token (seen at Xandikos) · refuse: 507 for the whole answer |
 * | invalidToken | 403 · 409 · 412 · 400: status for an unknown or expired token |
 * | invalidTokenElement | true: names `DAV:valid-sync-token` · false: names nothing |
 * | initialTombstones | false · true: an initial sync lists removed members as 404 (seen at Radicale) |
 * | listsCollection | false · true: sync-collection lists the collection itself |
 * | emptyPropstats | false · true: a 404 propstat without properties follows (seen at iCloud) |
 * | syncDepth | strict: Depth other than 0 is a 400 · lenient |
 * | multigetDropsEvery | 0 · n: every nth asked href gets no response |
 * | freeBusyQuery | supported · unsupported |
 * | putEtag | given · absent · stale: the version before |
 * | rewritesBodies | false · true: a stored object differs from what was put, so PUT gives no ETag |
 * | uidConflictStatus | 403 · 409 · 412 |
 * | namesMustMatchUid | false · true: only `<UID>.ics` is taken (reported of iCloud) |
 * | deleteStatus | 204 · 200 |
 * | maxResourceBytes | 20000000 |
 */
export function declareCaldavSwitches(host: Host) {
  return host.switches.declare(
    'caldav',
    {
      partition: 'same',
      partitionOrigin: '',
      wellKnown: '301',
      xmlStyle: 'prefixed',
      calendarData: 'escaped',
      xmlExtra: 'none',
      hrefEncoding: 'usual',
      absoluteHrefs: false,
      bareMembers: false,
      hostile: 'none',
      hostileAddress: 'http://169.254.169.254/latest/',
      etags: 'strong',
      ctag: 'present',
      ctagDelayMs: 0,
      syncCollection: 'supported',
      syncPageSize: 0,
      nresults: 'honour',
      invalidToken: '403',
      invalidTokenElement: true,
      initialTombstones: false,
      listsCollection: false,
      emptyPropstats: false,
      syncDepth: 'strict',
      multigetDropsEvery: 0,
      freeBusyQuery: 'supported',
      putEtag: 'given',
      rewritesBodies: false,
      uidConflictStatus: '403',
      namesMustMatchUid: false,
      deleteStatus: '204',
      maxResourceBytes: 20_000_000,
    },
    {
      partition: ['same', 'other', 'either'],
      wellKnown: ['301', '302', '307', '308', 'missing'],
      xmlStyle: ['prefixed', 'inline'],
      calendarData: ['escaped', 'cdata'],
      xmlExtra: ['none', 'doctype', 'entityBomb', 'externalEntity'],
      hrefEncoding: ['usual', 'minimal', 'zealous'],
      hostile: ['none', 'principal', 'homeSet', 'calendar', 'member', 'redirect'],
      etags: ['strong', 'weak', 'unquoted'],
      ctag: ['present', 'absent'],
      syncCollection: ['supported', 'forbidden', 'notImplemented'],
      nresults: ['honour', 'ignore', 'truncate', 'refuse'],
      invalidToken: ['403', '409', '412', '400'],
      syncDepth: ['strict', 'lenient'],
      freeBusyQuery: ['supported', 'unsupported'],
      putEtag: ['given', 'absent', 'stale'],
      uidConflictStatus: ['403', '409', '412'],
      deleteStatus: ['204', '200'],
    },
  );
}

export type CaldavSwitches = ReturnType<typeof declareCaldavSwitches>;
