import type { ChannelProvider } from '../channel-provider.ts';
import { Failure } from '../../domain/failure.ts';
import { union, type Interval } from '../../domain/interval.ts';
import { asked, googleClient } from './client.ts';
import type { GoogleSettings } from './client.ts';

/** Longer windows are asked for in parts: how long one may be is not documented. */
const PART_MS = 60 * 86_400_000;

/** What Google says is taken (`freeBusy.query`); its own answer leaves out what is transparent. */
export async function freeBusy(
  settings: GoogleSettings,
  { access, calendar, window }: Parameters<ChannelProvider['freeBusy']>[0],
): Promise<Interval[] | null> {
  const client = googleClient(settings, access);
  const taken: Interval[] = [];
  for (let startAt = window.startAt; startAt < window.endAt; startAt += PART_MS) {
    const endAt = Math.min(startAt + PART_MS, window.endAt);
    const data = await asked(
      settings,
      client.freebusy.query({
        requestBody: {
          timeMin: new Date(startAt).toISOString(),
          timeMax: new Date(endAt).toISOString(),
          items: [{ id: calendar.id }],
        },
      }),
    );
    const answer = data.calendars?.[calendar.id];
    // The request succeeds although the calendar could not be asked; each says so by itself.
    const reason = answer?.errors?.[0]?.reason;
    if (reason === 'notFound') throw new Failure({ kind: 'not-found', code: 'notFound' });
    if (!answer || reason !== undefined) return null;
    taken.push(...(answer.busy ?? []).flatMap((one) => intervalOf(one.start, one.end)));
  }
  return union(taken);
}

function intervalOf(start: string | null | undefined, end: string | null | undefined): Interval[] {
  const [startAt, endAt] = [Date.parse(start ?? ''), Date.parse(end ?? '')];
  return startAt < endAt ? [{ startAt, endAt }] : [];
}
