import type { ChannelProvider } from '../channel-provider.ts';
import { Failure } from '../../domain/failure.ts';
import { union, type Interval } from '../../domain/interval.ts';
import { addressIn } from './calendars.ts';
import type { CalendarEntry } from './calendars.ts';
import { addressOf, asked, calendarPath } from './client.ts';
import type { MicrosoftSettings } from './client.ts';
import { askSchedules } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { instantIn } from './times.ts';

type Input = Parameters<ChannelProvider['freeBusy']>[0];

const DAY_MS = 86_400_000;
/** Exchange answers for 42 days at the least (EWS `GetUserAvailability`), for 62 by default. */
const PART_MS = 40 * DAY_MS;

/**
 * What Exchange says is taken. It tells of a mailbox's main calendar only, so of any other this is
 * null, as it is where the mailbox gives no items. Tentative time counts as taken.
 */
export async function freeBusy(
  settings: MicrosoftSettings,
  { access, calendar, window }: Input,
): Promise<Interval[] | null> {
  const url = addressOf(settings, calendarPath(calendar.id), {
    $select: 'id,isDefaultCalendar,owner',
  });
  const entry = (await asked(settings, access, { url })) as Partial<CalendarEntry>;
  const address = addressIn(entry);
  if (entry.isDefaultCalendar !== true || address === null) return null;
  const taken: Interval[] = [];
  for (let { startAt } = window; startAt < window.endAt; startAt += PART_MS) {
    const part = { startAt, endAt: Math.min(startAt + PART_MS, window.endAt) };
    const spans = await partOf(settings, access, { address, window: part });
    if (!spans) return null;
    taken.push(...spans);
  }
  return union(taken);
}

/** A part with more entries than one answer holds (error 5006) is asked for in halves. */
async function partOf(
  settings: MicrosoftSettings,
  access: Input['access'],
  { address, window }: { address: string; window: Interval },
): Promise<Interval[] | null> {
  const { startAt, endAt } = window;
  const schedule = await scheduleIn(settings, access, { address, window });
  if (schedule !== 'too-many') return schedule ? spansOf(schedule) : null;
  if (endAt - startAt <= DAY_MS) return null;
  const middleAt = startAt + Math.floor((endAt - startAt) / 2);
  const first = await partOf(settings, access, { address, window: { startAt, endAt: middleAt } });
  const rest = await partOf(settings, access, { address, window: { startAt: middleAt, endAt } });
  return first && rest && [...first, ...rest];
}

async function scheduleIn(
  settings: MicrosoftSettings,
  access: Input['access'],
  wanted: { address: string; window: Interval },
): Promise<Partial<Schedule> | 'too-many' | null> {
  try {
    const [schedule] = await askSchedules(settings, access, wanted);
    const code = schedule?.error?.responseCode;
    if (code !== undefined && isTooMany(code)) return 'too-many';
    return schedule && !schedule.error ? schedule : null;
  } catch (error) {
    if (error instanceof Failure && isTooMany(error.code)) return 'too-many';
    throw error;
  }
}

const isTooMany = (code: string): boolean => code === '5006';

const TAKEN = ['busy', 'oof', 'tentative', 'unknown'];

function spansOf({ scheduleItems }: Partial<Schedule>): Interval[] | null {
  if (!Array.isArray(scheduleItems)) return null;
  return scheduleItems.flatMap(({ status, start, end }) => {
    const [startAt, endAt] = [instantIn(start), instantIn(end)];
    const counts = TAKEN.includes(status ?? 'unknown') && startAt !== null && endAt !== null;
    return counts && startAt < endAt ? [{ startAt, endAt }] : [];
  });
}
