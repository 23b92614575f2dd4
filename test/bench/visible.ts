import { randomUUID } from 'node:crypto';
import { limitLine, type Bench } from './bench.ts';
import { addResource } from './booking-scene.ts';
import { addCalendar, addGoogleAccount, calendarPath } from './google-scene.ts';
import { percentile, until } from './measure.ts';
import type { Stage } from './stage.ts';

const EDITS = 120;
const WARM_UP = 15;
const P50_LIMIT_MS = 100;
const P99_LIMIT_MS = 300;
/** The emulator's switch `notificationDelayMs`: how long after a change it begins to tell. */
const EMULATOR_DELAY_MS = 2;
const POLL_MS = 3;
const DAY_MS = 86_400_000;

/** From an edit at the emulated Google, as its editor sends it, to the first answer that shows it. */
export const visible: Bench = {
  name: 'visible',
  async run(stage) {
    const place = await connect(stage);
    const latenciesMs: number[] = [];
    for (let edit = 0; edit < WARM_UP + EDITS; edit += 1) {
      const latencyMs = await editUntilVisible(stage, place, edit);
      if (edit >= WARM_UP) latenciesMs.push(latencyMs - EMULATOR_DELAY_MS);
    }
    const line = (name: string, percent: number, limitMs: number) =>
      limitLine(
        {
          name,
          unit: `ms p${percent} beyond the emulator's ${EMULATOR_DELAY_MS}`,
          value: percentile(latenciesMs, percent),
          reference: null,
        },
        limitMs,
      );
    return [line('visible-p50', 50, P50_LIMIT_MS), line('visible-p99', 99, P99_LIMIT_MS)];
  },
};

interface Place {
  resourceId: string;
  calendarId: string;
}

async function connect(stage: Stage): Promise<Place> {
  const { accountId, email } = await addGoogleAccount(stage);
  const calendarId = `${randomUUID().slice(0, 12)}@group.calendar.google.com`;
  await addCalendar(stage, { id: calendarId, email });
  const resourceId = `r-${randomUUID().slice(0, 12)}`;
  await addResource(stage, { id: resourceId });
  const { id } = await stage.api.ask<{ id: string }>(
    {
      method: 'POST',
      path: '/v1/connections',
      body: { resourceId, accountId, calendarId },
      headers: { ...stage.auth, 'idempotency-key': randomUUID() },
    },
    201,
  );
  await until(
    async () => {
      const path = `/v1/connections/${id}`;
      const { status } = await stage.api.ask<{ status: string }>(
        { path, headers: stage.auth },
        200,
      );
      return status === 'live';
    },
    { what: 'the calendar is connected', timeoutMs: 20_000 },
  );
  return { resourceId, calendarId };
}

async function editUntilVisible(stage: Stage, place: Place, edit: number): Promise<number> {
  const dayAt = Math.ceil(Date.now() / DAY_MS + 2 + edit) * DAY_MS;
  const at = (hour: number) => new Date(dayAt + hour * 3_600_000).toISOString();
  const path = `/v1/resources/${place.resourceId}/availability?from=${at(0)}&to=${at(24)}`;
  const startedAt = performance.now();
  const { status, text } = await stage.emulators.send({
    method: 'POST',
    path: `${calendarPath(place.calendarId)}/events`,
    body: { summary: 'Dentist', start: { dateTime: at(9) }, end: { dateTime: at(10) } },
  });
  if (status >= 300) throw new Error(`The emulated Google took no edit: ${text}`);
  await until(
    async () => {
      const answer = await stage.api.ask<{ spans: unknown[] }>({ path, headers: stage.auth }, 200);
      return answer.spans.length === 2;
    },
    { what: 'the edit is visible', timeoutMs: 30_000, everyMs: POLL_MS },
  );
  return performance.now() - startedAt;
}
