import type { Access, ListedCalendar } from '../channel-provider.ts';
import { Failure, isRetryable } from '../../domain/failure.ts';
import { addressOf, asked, linkIn, nowOf, valueOf } from './client.ts';
import type { MicrosoftSettings } from './client.ts';
import { askSchedules } from './schedule.ts';
import { zoneNamed } from './times.ts';

export interface CalendarEntry {
  id: string;
  name: string;
  canEdit: boolean;
  isDefaultCalendar: boolean;
  owner: { address?: string } | null;
}

/** A hundred a page; a person with more than this has no use for a list. */
const MOST_PAGES = 20;

/**
 * `GET /me/calendars`. Calendars of other people are listed too; they take no subscriptions, so they
 * are polled.
 */
export async function listCalendars(
  settings: MicrosoftSettings,
  access: Access,
): Promise<ListedCalendar[]> {
  const entries: Partial<CalendarEntry>[] = [];
  let url: string | null = addressOf(settings, '/me/calendars', {
    $top: 100,
    $select: 'id,name,canEdit,isDefaultCalendar,owner',
  });
  for (let page = 0; url !== null && page < MOST_PAGES; page += 1) {
    const body = await asked(settings, access, { url });
    entries.push(...valueOf<CalendarEntry>(body));
    url = linkIn(settings, body, '@odata.nextLink');
  }
  const own = addressIn(entries.find(({ isDefaultCalendar }) => isDefaultCalendar));
  const timeZone = (await mailboxZone(settings, access, own)) ?? 'UTC';
  return entries.flatMap((entry) => {
    if (typeof entry.id !== 'string') return [];
    const owner = addressIn(entry);
    const isOwn = owner === null || own === null || owner === own;
    return {
      id: entry.id,
      name: entry.name ?? entry.id,
      timeZone,
      push: isOwn,
      write: entry.canEdit === true,
      primary: entry.isDefaultCalendar === true,
      shared: !isOwn,
    };
  });
}

export const addressIn = (entry: Partial<CalendarEntry> | undefined): string | null =>
  entry?.owner?.address?.toLowerCase() ?? null;

const DAY_MS = 86_400_000;

/**
 * Graph's calendars have no zone of their own. The mailbox's is in its settings, which need a wider
 * consent, and in the working hours that `getSchedule` tells, which needs none.
 */
async function mailboxZone(
  settings: MicrosoftSettings,
  access: Access,
  address: string | null,
): Promise<string | null> {
  if (address === null) return null;
  const startAt = nowOf(settings);
  try {
    const [schedule] = await askSchedules(settings, access, {
      address,
      window: { startAt, endAt: startAt + DAY_MS },
    });
    return zoneNamed(schedule?.workingHours?.timeZone?.name);
  } catch (error) {
    // Personal accounts have no schedule to ask; their list is as good without.
    if (!(error instanceof Failure) || isRetryable(error.kind)) throw error;
    return null;
  }
}
