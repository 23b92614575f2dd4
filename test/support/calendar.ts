import { until, type Answer, type Holdfast } from './holdfast.ts';
import { at, type Scene } from './scene.ts';

/** A person's edits of a connected Google calendar, and what availability makes of them. */
export const calendarPath = (calendarId: string): string =>
  `/google/calendars/${encodeURIComponent(calendarId)}`;

export async function addEvent(
  holdfast: Holdfast,
  scene: Scene,
  when: { days: number; hour: number; summary?: string },
): Promise<string> {
  const { days, hour, summary = 'Dentist' } = when;
  const added = await holdfast.control<{ event: { id: string } }>(
    'POST',
    `${calendarPath(scene.calendarId)}/events`,
    {
      summary,
      start: { dateTime: at(days, hour) },
      end: { dateTime: at(days, hour + 1) },
    },
  );
  return added.event.id;
}

export const addEvents = (
  holdfast: Holdfast,
  scene: Scene,
  events: { days: number; hour: number }[],
): Promise<unknown> =>
  holdfast.control('POST', `${calendarPath(scene.calendarId)}/bulk`, {
    events: events.map(({ days, hour }) => ({
      summary: 'Taken',
      start: { dateTime: at(days, hour) },
      end: { dateTime: at(days, hour + 1) },
    })),
  });

/** Start hours of a day that are offered, `0` to `23`, in UTC. */
export async function freeHours(
  holdfast: Holdfast,
  { resourceId }: { resourceId: string },
  days: number,
): Promise<number[]> {
  const { status, body } = await holdfast.call(
    'GET',
    `/resources/${resourceId}/availability?from=${at(days, 0)}&to=${at(days + 1, 0)}` +
      '&durationMinutes=60&stepMinutes=60&as=starts',
  );
  if (status !== 200) throw new Error(`availability ${status}: ${JSON.stringify(body)}`);
  return (body.starts as string[]).map((start) => new Date(start).getUTCHours());
}

export const untilTaken = async (
  holdfast: Holdfast,
  scene: { resourceId: string },
  { days, hour, timeoutMs = 20_000 }: { days: number; hour: number; timeoutMs?: number },
): Promise<void> =>
  void (await until(
    () => freeHours(holdfast, scene, days),
    (hours) => !hours.includes(hour),
    timeoutMs,
  ));

export const connectionOf = (holdfast: Holdfast, scene: Scene): Promise<Answer> =>
  holdfast.call('GET', `/connections/${scene.connectionId}`);

export const untilStatus = (holdfast: Holdfast, scene: Scene, status: string): Promise<Answer> =>
  until(
    () => connectionOf(holdfast, scene),
    ({ body }) => body.status === status,
    30_000,
  );

export const steer = (holdfast: Holdfast, scene: Scene, verb: string): Promise<Answer> =>
  holdfast.call('POST', `/connections/${scene.connectionId}/${verb}`);

export const resync = (
  holdfast: Holdfast,
  scene: Scene,
  how: { acceptRemovals?: boolean } = {},
): Promise<Answer> => holdfast.call('POST', `/connections/${scene.connectionId}/resync`, how);
