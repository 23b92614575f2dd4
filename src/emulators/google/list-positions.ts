import type { Calendar } from './calendar-store.ts';
import { badRequest, fullSyncRequired } from './errors.ts';
import { fingerprint, openNumbers, sealNumbers } from './opaque.ts';
import type { GoogleSwitches } from './switches.ts';

/** Where an incremental list starts, and the bounds of the list it began with (epoch milliseconds). */
export interface SyncPosition {
  seq: number;
  timeMinMs: number | undefined;
  timeMaxMs: number | undefined;
}

/** Where a list stands between pages. `after` is an index of a full list, a seq of an incremental. */
export interface PagePosition {
  after: number;
  /** The seq that the pass will end with, at least. */
  startSeq: number;
  page: number;
}

/** A number as two integers that a token can carry; absent is 0. */
const carried = (ms: number | undefined) => (ms === undefined ? 0 : Math.floor(ms / 1000) + 1e11);
const restored = (field: number) => (field === 0 ? undefined : (field - 1e11) * 1000);

/** A sync token: bound to calendar, parameters and the calendar's token epoch. */
export function sealSyncToken(
  calendar: Calendar,
  parametersKey: string,
  { seq, timeMinMs, timeMaxMs }: SyncPosition,
): string {
  const bound = [fingerprint(calendar.id), fingerprint(parametersKey), calendar.tokenEpoch];
  return sealNumbers([seq, seq, 5, ...bound, carried(timeMinMs), carried(timeMaxMs)]);
}

interface SyncTokenUse {
  token: string;
  calendar: Calendar;
  parametersKey: string;
  switches: GoogleSwitches;
}

export function openSyncToken(use: SyncTokenUse): SyncPosition {
  const { token, calendar, parametersKey, switches } = use;
  const fields = openNumbers(token);
  if (fields?.length !== 8 || fields[3] !== fingerprint(calendar.id)) {
    if (switches.malformedSyncToken === 'gone') throw fullSyncRequired();
    throw badRequest('invalid', 'Invalid sync token value.', 'syncToken');
  }
  const [seq, , , , boundTo, epoch, min, max] = fields as [number, ...number[]];
  if (epoch !== calendar.tokenEpoch) throw fullSyncRequired();
  if (boundTo !== fingerprint(parametersKey) && switches.changedSyncParameters === 'refuse') {
    throw restriction(switches);
  }
  return { seq, timeMinMs: restored(min!), timeMaxMs: restored(max!) };
}

export function restriction(switches: GoogleSwitches): Error {
  const message = 'Sync token cannot be used with other request restrictions.';
  return badRequest(switches.syncTokenRestriction, message, 'syncToken');
}

export function sealPageToken(requestKey: string, position: PagePosition): string {
  const { after, startSeq, page } = position;
  return sealNumbers([after, startSeq, page, fingerprint(requestKey)]);
}

export function openPageToken(token: string, requestKey: string): PagePosition {
  const fields = openNumbers(token);
  if (fields?.length !== 4 || fields[3] !== fingerprint(requestKey)) {
    throw badRequest('invalid', 'Invalid page token value.', 'pageToken');
  }
  const [after, startSeq, page] = fields as [number, number, number];
  return { after, startSeq, page };
}
