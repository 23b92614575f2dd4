import { fingerprint, openNumbers, sealNumbers } from '../google/opaque.ts';
import type { Calendar } from './calendar-store.ts';
import { CaldavError } from './errors.ts';
import { dav } from './names.ts';
import type { CaldavSwitches } from './switches.ts';
import { node } from './xml-write.ts';

/** A token is a URI that names a place in one calendar's changes. Source: RFC 6578 §4. */
export function syncToken({ resourceId, tokenEpoch }: Calendar, seq: number): string {
  const sealed = sealNumbers([fingerprint(resourceId), tokenEpoch, seq]);
  return `data:,${encodeURIComponent(sealed)}`;
}

type Opened = { kind: 'changes'; seq: number } | { kind: 'aged' } | { kind: 'unknown' };

export function openSyncToken(token: string, calendar: Calendar, latestSeq: number): Opened {
  const sealed = /^data:,([\w%-]+)$/.exec(token)?.[1];
  const fields = sealed === undefined ? undefined : openNumbers(plain(sealed));
  if (fields?.length !== 3) return { kind: 'unknown' };
  const [owner, epoch, seq] = fields as [number, number, number];
  if (owner !== fingerprint(calendar.resourceId) || seq > latestSeq) return { kind: 'unknown' };
  if (epoch > calendar.tokenEpoch || epoch < calendar.refusedBelow) return { kind: 'unknown' };
  return epoch < calendar.agedBelow ? { kind: 'aged' } : { kind: 'changes', seq };
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** Source: RFC 6578 §3.2, precondition `DAV:valid-sync-token`. */
export function invalidSyncToken(switches: CaldavSwitches): CaldavError {
  const precondition = switches.invalidTokenElement ? node(dav('valid-sync-token')) : undefined;
  return new CaldavError(
    Number(switches.invalidToken),
    'The sync token is not valid.',
    precondition,
  );
}
