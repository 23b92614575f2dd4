import type { Access } from '../channel-provider.ts';
import type { Interval } from '../../domain/interval.ts';
import { addressOf, asked, valueOf } from './client.ts';
import type { MicrosoftSettings } from './client.ts';
import type { GraphTime } from './item.ts';

export interface Schedule {
  error: { responseCode?: string } | null;
  scheduleItems: { status?: string; start?: GraphTime; end?: GraphTime }[];
  workingHours: { timeZone?: { name?: string } } | null;
}

/** `POST /me/calendar/getSchedule` for one mailbox (Graph "calendar: getSchedule"). */
export async function askSchedules(
  settings: MicrosoftSettings,
  access: Access,
  { address, window }: { address: string; window: Interval },
): Promise<Partial<Schedule>[]> {
  const timeOf = (at: number): GraphTime => ({
    dateTime: new Date(at).toISOString().slice(0, -1),
    timeZone: 'UTC',
  });
  const body = await asked(settings, access, {
    method: 'POST',
    url: addressOf(settings, '/me/calendar/getSchedule'),
    body: {
      schedules: [address],
      startTime: timeOf(window.startAt),
      endTime: timeOf(window.endAt),
      availabilityViewInterval: 60,
    },
  });
  return valueOf<Schedule>(body);
}
