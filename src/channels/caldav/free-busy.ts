import { readFreeBusy } from '../../calendar/read-free-busy.ts';
import { Failure } from '../../domain/failure.ts';
import type { Interval } from '../../domain/interval.ts';
import type { ChannelProvider } from '../channel-provider.ts';
import { asked, invalid, openDav } from './dav.ts';
import type { CaldavSettings } from './dav.ts';
import { collectionUrl } from './hrefs.ts';
import { CALDAV } from './xml.ts';

/** What a server answers that has no such report, or does not give it to this account. */
const NOT_OFFERED = new Set([
  'supported-report',
  'need-privileges',
  'not-caldav',
  'http-400',
  'http-403',
  'http-405',
  'http-415',
  'http-422',
  'http-501',
]);

/** The server's own `free-busy-query` (RFC 4791 §7.10); null where there is none. */
export async function freeBusy(
  settings: CaldavSettings,
  { access, calendar, window }: Parameters<ChannelProvider['freeBusy']>[0],
): Promise<Interval[] | null> {
  const dav = openDav(settings, access);
  if (!URL.canParse(calendar.id)) throw invalid('calendar-id');
  const url = collectionUrl(new URL(calendar.id));
  const body =
    `<?xml version="1.0" encoding="utf-8"?><c:free-busy-query xmlns:c="${CALDAV}">` +
    `<c:time-range start="${stamp(window.startAt)}" end="${stamp(window.endAt)}"/>` +
    '</c:free-busy-query>';
  const headers = { depth: '1', 'content-type': 'application/xml; charset=utf-8' };
  try {
    const answer = await asked(dav, { method: 'REPORT', url, headers, body }, [200]);
    return readFreeBusy(answer.text, window);
  } catch (error) {
    if (error instanceof Failure && NOT_OFFERED.has(error.code)) return null;
    throw error;
  }
}

/** Whole seconds are what the format has. */
const stamp = (at: number): string => new Date(at).toISOString().replace(/\.\d+|[-:]/g, '');
