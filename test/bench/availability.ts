import { randomUUID } from 'node:crypto';
import { ratioLine, type Bench } from './bench.ts';
import { fillInBulk } from './bulk.ts';
import { closedLoop, interleaved } from './measure.ts';
import type { Stage } from './stage.ts';

const CONCURRENCY = 16;
const ROUNDS = 5;
const ROUND_MS = 4_000;
const RESOURCES = 2_000;
const EVENTS_EACH = 100;
/** Busy spans of each recurring event: 2,000 × 100 × 10 are two million rows. */
const SPANS_EACH = 10;
const DAY_MS = 86_400_000;

/** No cache anywhere: each request asks for another resource, in an order nobody can foresee. */
export const availability: Bench = {
  name: 'availability',
  async run(stage) {
    await seed(stage);
    const from = new Date(Math.ceil(Date.now() / DAY_MS + 20) * DAY_MS);
    const to = new Date(from.getTime() + 30 * DAY_MS);
    const range = `from=${from.toISOString()}&to=${to.toISOString()}`;
    let asked = 0;
    // 1,009 is prime to the number of resources, so each comes once before any comes again.
    const next = () => `a-${((asked += 1) * 1_009) % RESOURCES}`;
    const product = () =>
      stage.api.ask(
        { path: `/v1/resources/${next()}/availability?${range}`, headers: stage.auth },
        200,
      );
    const reference = () =>
      stage.reference.ask(
        {
          path: `/resources/${next()}/availability?${range}&tenant=${stage.tenantId}`,
          headers: stage.referenceAuth,
        },
        200,
      );
    const perSecond = async (work: () => Promise<unknown>) =>
      (await closedLoop({ concurrency: CONCURRENCY, durationMs: ROUND_MS }, work)).perSecond;
    await perSecond(product);
    await perSecond(reference);
    const measured = await interleaved(ROUNDS, {
      reference: () => perSecond(reference),
      product: () => perSecond(product),
    });
    const line = { name: 'availability', unit: 'answers/s', ...measured };
    return [ratioLine(line, { atLeast: 0.7 })];
  },
};

/** Each resource has one calendar of recurring events, some 120 of whose spans lie in the range. */
async function seed({ owner, tenantId }: Stage): Promise<void> {
  const accountId = randomUUID();
  await owner.query(
    `INSERT INTO account (tenant_id, id, channel, credential) VALUES ($1, $2, 'google', '')`,
    [tenantId, accountId],
  );
  await owner.query(
    `INSERT INTO resource (tenant_id, id, name, time_zone, capacity, settings)
     SELECT $1, 'a-' || n, 'A room', 'Europe/Paris', 1, '{}' FROM generate_series(0, $2 - 1) AS n`,
    [tenantId, RESOURCES],
  );
  await owner.query(
    `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone,
       settings, writable, status, dirty, confirmed_at, expanded_until)
     SELECT $1, 'ac-' || n, 'a-' || n, $2, 'google', 'c-' || n, 'Europe/Paris', '{}', true, 'live',
       false, now(), now() + interval '500 days' FROM generate_series(0, $3 - 1) AS n`,
    [tenantId, accountId, RESOURCES],
  );
  await owner.query(
    `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash, recorded,
       feed_position)
     SELECT $1, 'ac-' || n, 'e-' || e, 'e-' || e, '{"updatedAt": null}', '', tstzrange(now(), NULL), e
       FROM generate_series(0, $2 - 1) AS n, generate_series(0, $3 - 1) AS e`,
    [tenantId, RESOURCES, EVENTS_EACH],
  );
  await fillInBulk(owner, 'busy', (client) =>
    // Two spans an event and week, spread over the day so that free time is left between them.
    client.query(
      `INSERT INTO busy (tenant_id, connection_id, root_id, start_at, end_at, resource_id)
       SELECT $1, 'ac-' || n, 'e-' || e, at, at + interval '40 minutes', 'a-' || n
         FROM generate_series(0, $2 - 1) AS n, generate_series(0, $3 - 1) AS e,
           generate_series(0, $4 - 1) AS s,
           LATERAL (SELECT date_trunc('day', now()) + (s * 25 + e / 4) * interval '1 day'
             + (e % 4 * 6 + n % 5) * interval '1 hour' AS at) AS place`,
      [tenantId, RESOURCES, EVENTS_EACH, SPANS_EACH],
    ),
  );
  await owner.query('VACUUM ANALYZE channel_event');
  await owner.query('ANALYZE');
}
