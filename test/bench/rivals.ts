import { randomUUID } from 'node:crypto';
import { limitLine, type Bench } from './bench.ts';
import { addResource } from './booking-scene.ts';
import { openHttp, type Http } from './http.ts';
import { percentile } from './measure.ts';
import { settle, type Stage } from './stage.ts';

const RIVALS = 1_000;
const WORKFLOW_LIMIT = 50;
const P99_LIMIT_MS = 1_500;
const DAY_MS = 86_400_000;

interface Outcome {
  status: number;
  latencyMs: number;
}

/** A thousand callers, each on a connection of its own, want the one unit for the one span. */
export const rivals: Bench = {
  name: 'rivals',
  async run(stage) {
    const http = openHttp(stage.apiUrl, { connections: RIVALS });
    try {
      await compete(stage, http);
      await settle(stage);
      const { outcomes, workflows } = await compete(stage, http);
      const winners = outcomes.filter((one) => one.status === 201).length;
      const unclear = outcomes.filter((one) => one.status !== 201 && one.status !== 409).length;
      const p99Ms = percentile(
        outcomes.map((one) => one.latencyMs),
        99,
      );
      const line = { reference: null, ratio: null };
      const exactlyOne = { aim: '= 1, others 409', holds: winners === 1 && unclear === 0 };
      return [
        { ...line, name: 'rivals-winners', unit: 'of 1,000', value: winners, ...exactlyOne },
        limitLine(
          { name: 'rivals-workflows', unit: 'started', value: workflows, reference: null },
          WORKFLOW_LIMIT,
        ),
        limitLine({ name: 'rivals-p99', unit: 'ms', value: p99Ms, reference: null }, P99_LIMIT_MS),
      ];
    } finally {
      await http.close();
    }
  },
};

async function compete(stage: Stage, http: Http) {
  const resourceId = `r-${randomUUID().slice(0, 12)}`;
  await addResource(stage, { id: resourceId });
  // Connections are open before the race: it is not one of TCP handshakes.
  await Promise.all(Array.from({ length: RIVALS }, () => http.ask({ path: '/healthz' }, 200)));
  const body = {
    resourceId,
    startAt: new Date(Date.now() + 10 * DAY_MS).toISOString(),
    endAt: new Date(Date.now() + 11 * DAY_MS).toISOString(),
    payment: { kind: 'none' },
  };
  const outcomes = await Promise.all(
    Array.from({ length: RIVALS }, async (): Promise<Outcome> => {
      const headers = { ...stage.auth, 'idempotency-key': randomUUID() };
      const askedAt = performance.now();
      const { status } = await http.send({ method: 'POST', path: '/v1/bookings', body, headers });
      return { status, latencyMs: performance.now() - askedAt };
    }),
  );
  return { outcomes, workflows: await workflowsOf(stage, resourceId) };
}

/** Visibility follows the runs by moments, so it is asked until it stays the same. */
async function workflowsOf({ temporal }: Stage, resourceId: string): Promise<number> {
  let before = -1;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { count } = await temporal.workflow.count(`HoldfastResource = "${resourceId}"`);
    if (count === before) return count;
    before = count;
  }
}
