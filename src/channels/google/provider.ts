import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js';
import type { Access, ChannelProvider, ListedCalendar } from '../channel-provider.ts';
import { oauthOf } from '../oauth.ts';
import { Failure } from '../../domain/failure.ts';
import { asked, googleClient } from './client.ts';
import type { GoogleSettings } from './client.ts';
import { freeBusy } from './free-busy.ts';
import { read, remove, write } from './mirrors.ts';
import { googleOAuth } from './oauth.ts';
import { pull } from './pull.ts';
import { receive, unwatch, watch } from './watches.ts';

export type { GoogleSettings } from './client.ts';

/** Google Calendar API v3 behind the channel port. */
export function createGoogleProvider(settings: GoogleSettings): ChannelProvider {
  return {
    channel: 'google',
    supports: { oauth: true, push: true, write: true, renewal: 'recreate', absenceConfirmMs: 0 },
    ...oauthOf(googleOAuth(settings)),
    prove: ({ credential }) => Promise.resolve({ credential, subject: null }),
    listCalendars: ({ access }) => listCalendars(settings, access),
    pull: (input) => pull(settings, input),
    receive,
    watch: (input) => watch(settings, input),
    renew: () => Promise.reject(new Failure({ kind: 'invalid', code: 'unsupported' })),
    unwatch: (input) => unwatch(settings, input),
    write: (input) => write(settings, input),
    remove: (input) => remove(settings, input),
    read: (input) => read(settings, input),
    freeBusy: (input) => freeBusy(settings, input),
  };
}

/** The API's own upper limits: 250 a page; a person with more than this has no use for a list. */
const MOST_PAGES = 20;

async function listCalendars(settings: GoogleSettings, access: Access): Promise<ListedCalendar[]> {
  const client = googleClient(settings, access);
  const listed: ListedCalendar[] = [];
  let pageToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const data = await asked(
      settings,
      client.calendarList.list({
        maxResults: 250,
        fields: 'nextPageToken,items(id,summary,summaryOverride,timeZone,accessRole,primary)',
        ...(pageToken === undefined ? {} : { pageToken }),
      }),
    );
    listed.push(...(data.items ?? []).flatMap((entry) => listedCalendar(entry)));
    if (!data.nextPageToken) return listed;
    pageToken = data.nextPageToken;
  }
  return listed;
}

const WRITERS = ['owner', 'writer', 'writerWithoutPrivateAccess'];

/** Calendars that Google itself fills (holidays, birthdays, weather) cannot be watched. */
const GENERATED = '@group.v.calendar.google.com';

function listedCalendar(entry: calendar_v3.Schema$CalendarListEntry): ListedCalendar[] {
  if (!entry.id) return [];
  return [
    {
      id: entry.id,
      name: entry.summaryOverride ?? entry.summary ?? entry.id,
      timeZone: entry.timeZone ?? 'UTC',
      push: !entry.id.endsWith(GENERATED),
      write: WRITERS.includes(entry.accessRole ?? ''),
      primary: entry.primary ?? false,
      shared: entry.accessRole !== 'owner',
    },
  ];
}
