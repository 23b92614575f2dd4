import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freeSpans, refusalOf } from '../../src/domain/availability.ts';
import { readAvailability } from '../../src/store/availability.ts';
import { transaction } from '../../src/store/database.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi, ZONES } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await api.database.pool.query(
    `INSERT INTO account (tenant_id, id, channel, credential) VALUES ('a', 'acc', 'ical', '')`,
  );
});
afterAll(() => api.close());

const BASE = Date.parse('2031-06-01T00:00:00Z');
const HOUR = 3_600_000;
const instant = (hour: number): string => new Date(BASE + hour * HOUR).toISOString();

interface Time {
  from: number;
  hours: number;
  unit: number | null;
  kind: 'busy' | 'block' | 'confirmed' | 'held' | 'over' | 'removed';
}

const times = fc.array(
  fc.record({
    from: fc.integer({ min: -4, max: 44 }),
    hours: fc.integer({ min: 1, max: 8 }),
    unit: fc.option(fc.integer({ min: 1, max: 2 }), { nil: null }),
    kind: fc.constantFrom<Time['kind']>('busy', 'block', 'confirmed', 'held', 'over', 'removed'),
  }),
  { maxLength: 10 },
);

async function addConnection(resourceId: string): Promise<string> {
  const id = randomUUID();
  await api.database.pool.query(
    `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone,
       settings, writable, expanded_until) VALUES ('a', $1, $2, 'acc', 'ical', 'c', 'UTC', '{}', false, '2033-01-01')`,
    [id, resourceId],
  );
  return id;
}

async function add(resourceId: string, connectionId: string, time: Time): Promise<void> {
  const { pool } = api.database;
  const [from, to] = [instant(time.from), instant(time.from + time.hours)];
  if (time.kind === 'busy')
    await pool.query(
      `INSERT INTO busy (tenant_id, connection_id, root_id, start_at, end_at, resource_id, unit)
       VALUES ('a', $1, $2, $3, $4, $5, $6)`,
      [connectionId, randomUUID(), from, to, resourceId, time.unit],
    );
  else if (time.kind === 'block' || time.kind === 'removed')
    await pool.query(
      `INSERT INTO block (tenant_id, id, resource_id, unit, start_at, end_at, removed_at)
       VALUES ('a', $1, $2, $3, $4, $5, $6)`,
      [randomUUID(), resourceId, time.unit, from, to, time.kind === 'removed' ? 'now' : null],
    );
  else await occupy(resourceId, time, [from, to]);
}

/** As a hold leaves it; one that would overlap another is left out, as the store would. */
async function occupy(resourceId: string, time: Time, [from, to]: string[]): Promise<void> {
  const bookingId = randomUUID();
  const expires = time.kind === 'over' ? '2020-01-01' : '2040-01-01';
  await transaction(api.database.pool, async (client) => {
    const { rowCount } = await client.query(
      `INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at, confirmed_at)
       VALUES ('a', $1, $2, $3, tstzrange($4, $5), now(), $6, $7) ON CONFLICT DO NOTHING`,
      [
        bookingId,
        resourceId,
        time.unit ?? 1,
        from,
        to,
        expires,
        time.kind === 'confirmed' ? 'now' : null,
      ],
    );
    if (rowCount === 0) return;
    await client.query(
      `INSERT INTO booking (tenant_id, id, resource_id, state, start_at, end_at, party, units, amount_minor,
         payment_kind, hold_expires_at) VALUES ('a', $1, $2, 'held', $3, $4, 1, '{1}', 0, 'none', $5)`,
      [bookingId, resourceId, from, to, expires],
    );
  });
}

/** What the store answers to a hold, without keeping it. */
async function tryHold(resourceId: string, from: number, party: number): Promise<string> {
  const client = await api.database.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT end_expired($1, $2, $3, $4)', [
      'a',
      resourceId,
      instant(-99),
      instant(99),
    ]);
    const asked = {
      tenant: 'a',
      booking: randomUUID(),
      key: randomUUID(),
      fingerprint: 'f',
      resource: resourceId,
      startAt: instant(from),
      endAt: instant(from + 3),
      bufferBeforeMs: HOUR,
      bufferAfterMs: 2 * HOUR,
      party,
      amountMinor: 0,
      currency: null,
      paymentKind: 'none',
      holdTtlMs: 60_000,
    };
    const { rows } = await client.query<{ answer: { kind: string; refusal?: string } }>(
      'SELECT hold_units($1) AS answer',
      [JSON.stringify(asked)],
    );
    const { kind, refusal } = rows[0]!.answer;
    return refusal ?? kind;
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

test('availability, the gate and the hold say the same of every span', async () => {
  await fc.assert(
    fc.asyncProperty(times, fc.integer({ min: 1, max: 2 }), async (given, party) => {
      const resourceId = `r-${randomUUID()}`;
      const settings = { bufferBeforeMs: HOUR, bufferAfterMs: 2 * HOUR };
      await makeResource(api, { id: resourceId, capacity: 2, settings });
      const connectionId = await addConnection(resourceId);
      for (const time of given) await add(resourceId, connectionId, time);
      const ask = { tenantId: 'a', resourceId, from: instant(0), to: instant(48) };
      const { facts } = (await readAvailability(api.database, ask))!;
      const window = { startAt: BASE, endAt: BASE + 48 * HOUR };
      const spans = freeSpans(facts, { window, party, zones: ZONES });
      for (let from = 0; from <= 45; from += 3) {
        const span = { startAt: BASE + from * HOUR, endAt: BASE + (from + 3) * HOUR };
        const refusal = refusalOf(facts, { span, party, zones: ZONES });
        const shown = spans.some((one) => one.startAt <= span.startAt && span.endAt <= one.endAt);
        const held = await tryHold(resourceId, from, party);
        expect([from, refusal ?? 'held', shown]).toEqual([from, held, held === 'held']);
      }
    }),
    { numRuns: 25 },
  );
});

test('nothing is known beyond the edge of any connection, and a disconnected one counts no more', async () => {
  await makeResource(api, { id: 'edge' });
  const first = await addConnection('edge');
  const second = await addConnection('edge');
  const until = (id: string, text: string | null) =>
    api.database.pool.query('UPDATE connection SET expanded_until = $2 WHERE id = $1', [id, text]);
  const ask = { tenantId: 'a', resourceId: 'edge', from: instant(0), to: instant(48) };
  const known = async () => (await readAvailability(api.database, ask))!.facts.knownUntilAt;
  await until(first, instant(30));
  await until(second, instant(20));
  expect(await known()).toBe(BASE + 20 * HOUR);
  await until(second, null);
  expect(await known()).toBeLessThanOrEqual(Date.now());
  await api.database.pool.query('UPDATE connection SET disconnected_at = now() WHERE id = $1', [
    second,
  ]);
  expect(await known()).toBe(BASE + 30 * HOUR);
});

test('a resource of another tenant, or an archived one, has no availability', async () => {
  await makeResource(api, { id: 'mine' });
  const ask = { resourceId: 'mine', from: instant(0), to: instant(1) };
  expect(await readAvailability(api.database, { tenantId: 'b', ...ask })).toBeNull();
  await api.ask('DELETE', '/v1/resources/mine');
  expect(await readAvailability(api.database, { tenantId: 'a', ...ask })).toBeNull();
});
