import { randomUUID } from 'node:crypto';
import { createKey } from '../../src/store/keys.ts';
import { ALL_SCOPES, until, type Answer, type Holdfast } from './holdfast.ts';
import { addGoogleAccount, addResource } from './scene.ts';

/** Many connections of one tenant, each to a calendar of its own. */
export interface Crowd {
  calendarIds: string[];
  connectionIds: string[];
}

/** The same Holdfast, called by another tenant of it. */
export async function asTenant(holdfast: Holdfast, tenantId: string): Promise<Holdfast> {
  await holdfast.database.prisma.tenant.create({ data: { id: tenantId, name: tenantId } });
  const scopes = ALL_SCOPES;
  const key = await createKey(holdfast.database, { tenantId, label: 'test', scopes });
  const call: Holdfast['call'] = (method, path, body, headers = {}): Promise<Answer> =>
    holdfast.call(method, path, body, { ...headers, authorization: `Bearer ${key}` });
  return { ...holdfast, tenantId, key, call };
}

const AT_ONCE = 8;

/** Runs an act for each, a few at a time. */
export async function eachOf<T>(
  items: readonly T[],
  act: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const runner = async () => {
    for (let index = next++; index < items.length; index = next++) await act(items[index]!, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
}

/** Connects so many calendars, each of its own account unless said otherwise, and waits for none. */
export async function connectCrowd(
  holdfast: Holdfast,
  {
    many,
    accounts = many,
    settings = {},
  }: { many: number; accounts?: number; settings?: Record<string, unknown> },
): Promise<Crowd> {
  const resourceId = await addResource(holdfast, { capacity: 50 });
  const owners: { accountId: string; email: string }[] = [];
  await eachOf(
    Array.from({ length: accounts }, () => null),
    async () => owners.push(await addGoogleAccount(holdfast)),
  );
  const calendarIds = Array.from(
    { length: many },
    () => `${randomUUID()}@group.calendar.google.com`,
  );
  const connectionIds: string[] = [];
  await eachOf(calendarIds, async (calendarId, n) => {
    const { accountId, email } = owners[n % owners.length]!;
    await holdfast.control('PUT', `/google/calendars/${encodeURIComponent(calendarId)}`, {
      owner: email,
      summary: 'Room',
      timeZone: 'Europe/Paris',
    });
    const body = { resourceId, accountId, calendarId, settings };
    const answer = await holdfast.call('POST', '/connections', body);
    if (answer.status !== 201) throw new Error(`connection: ${JSON.stringify(answer.body)}`);
    connectionIds[n] = answer.body.id as string;
  });
  return { calendarIds, connectionIds };
}

/** How many of a tenant's connections are live, with nothing left to look at. */
export async function settledOf({ database, tenantId }: Holdfast): Promise<number> {
  const { rows } = await database.pool.query<{ many: number }>(
    `SELECT count(*)::integer AS many FROM connection
      WHERE tenant_id = $1 AND status = 'live' AND NOT dirty AND checkpoint IS NULL`,
    [tenantId],
  );
  return rows[0]!.many;
}

export const untilSettled = (holdfast: Holdfast, many: number, timeoutMs: number) =>
  until(
    () => settledOf(holdfast),
    (settled) => settled >= many,
    timeoutMs,
  );
