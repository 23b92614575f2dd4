import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashSecret } from '../../src/store/gate.ts';
import { startHoldfast, until, type Answer, type Holdfast } from '../support/holdfast.ts';
import { addResource, connectGoogle } from '../support/scene.ts';
import { book, openShop } from '../support/shop.ts';

/** More than the service has room for, through every process. */
const OPEN = 40;
const CALLERS = 300;
// How busy the machine of the test is, is not what is looked at.
const CALM = 'wait-ms=60000,lag-ms=60000,database-wait-ms=60000';
const MEBIBYTE = 1024 * 1024;

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast({ HOLDFAST_LOAD_LIMITS: `open=${OPEN},${CALM}` });
});
afterAll(() => holdfast.stop());

/** Resident memory of the API's process, in bytes; 0 where the system does not tell. */
function residentBytes(): number {
  try {
    const status = readFileSync(`/proc/${holdfast.api.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

const openNow = async (): Promise<number> => {
  const { rows } = await holdfast.database.pool.query<{ many: number }>(
    `SELECT count(*)::integer AS many FROM booking WHERE confirmed_at IS NULL AND ended_at IS NULL`,
  );
  return rows[0]!.many;
};

/** A watch of ours, so that its notifications can be sent by the test. */
async function notifier(): Promise<() => Promise<number>> {
  const scene = await connectGoogle(holdfast, { resourceId: await addResource(holdfast) });
  const { tenantId, apiUrl } = holdfast;
  const id = `storm-${scene.connectionId}`;
  const secretHash = new Uint8Array(hashSecret('s'));
  await holdfast.database.prisma.watch.create({
    data: { tenantId, id, connectionId: scene.connectionId, secretHash },
  });
  const headers = {
    'x-goog-channel-id': id,
    'x-goog-channel-token': 's',
    'x-goog-resource-state': 'exists',
    'x-goog-resource-id': 'r',
    'x-goog-message-number': '2',
  };
  return async () =>
    (await fetch(`${apiUrl}/v1/notifications/google`, { method: 'POST', headers })).status;
}

test('three hundred callers beyond the bound get 503 with a time to come back, and those that hold finish', async () => {
  const notify = await notifier();
  const shop = await openShop(holdfast);
  const before = residentBytes();
  const asked = Array.from({ length: CALLERS }, () => book(holdfast, shop));
  let most = 0;
  const notified = new Set<number>();
  let over = false;
  const watching = (async () => {
    while (!over) {
      most = Math.max(most, await openNow());
      notified.add(await notify());
    }
  })();
  const answers = await Promise.all(asked.map((one) => one.answer));
  over = true;
  await watching;
  const statusOf = (answer: Answer | null) => answer?.status ?? 0;
  const shed = answers.filter((one) => statusOf(one) === 503) as Answer[];
  expect(new Set(answers.map(statusOf))).toEqual(new Set([201, 503]));
  for (const one of shed) {
    expect(one.body).toMatchObject({ type: '/problems/overloaded', bound: 'open' });
    expect(Number(one.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  }
  expect(most).toBeLessThanOrEqual(OPEN);
  expect([...notified]).toEqual([202]);
  expect(residentBytes() - before).toBeLessThan(150 * MEBIBYTE);

  const held = asked.filter((_, n) => statusOf(answers[n]!) === 201);
  for (const one of held) {
    const ended = await until(
      () => holdfast.call('GET', `/bookings/${one.id}`),
      ({ body }) => body.state === 'confirmed',
    );
    expect(ended.status).toBe(200);
  }
  // Who comes again under his key, when he was told to, gets his booking.
  const refused = asked.find((_, n) => statusOf(answers[n]!) === 503)!;
  const again = await until(
    () => refused.again(),
    ({ status }) => status === 201,
  );
  expect(again.body.id).toBe(refused.id);
});
