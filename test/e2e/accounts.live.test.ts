import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { steer, untilTaken } from '../support/calendar.ts';
import { until, type Holdfast } from '../support/holdfast.ts';
import { onQueue, textOf, viewTemporal } from '../support/history.ts';
import { fault, liftFaults, recordEnd } from '../support/outside.ts';
import {
  accountIds,
  asked,
  connect,
  connectOutlook,
  connectOwner,
  consent,
  newPerson,
  startWithOwners,
  takeHour,
  untilShown,
} from '../support/owners.ts';

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startWithOwners();
}, 60_000);
afterAll(() => holdfast.stop());
afterEach(() => liftFaults(holdfast));

const microsoft = (since: number) => asked(holdfast, { host: 'microsoft', since });
const expireTokens = (email: string) =>
  holdfast.control('POST', `/microsoft/accounts/${email}/expire-access-tokens`);
const syncSoon = (scene: { connectionId: string }) =>
  void steer(holdfast, { ...scene, resourceId: '', calendarId: '' }, 'sync-now').catch(() => null);
const positionOf = async ({ connectionId }: { connectionId: string }) => {
  const { body } = await holdfast.call('GET', `/connections/${connectionId}`);
  return { generation: body.generation as number, cursorVersion: body.cursorVersion as number };
};

it('a consent that is refused, partial or of somebody else changes nothing and says what to do', async () => {
  const owner = await connectOwner(holdfast, 'microsoft');
  const before = await accountIds(holdfast);
  const other = newPerson();
  await holdfast.control('PUT', `/microsoft/accounts/${other}`, {});
  const back = (email: string, accountId?: string) =>
    consent(holdfast, {
      channel: 'microsoft',
      email,
      ...(accountId !== undefined && { accountId }),
    });
  const set = (position: string) =>
    holdfast.control('PUT', '/switches', { 'microsoft.consent': position });
  await set('deny');
  expect(await back(other)).toMatchObject({
    status: 400,
    text: expect.stringContaining('not granted'),
  });
  await set('partial');
  const partial = await back(other);
  await set('allow');
  expect(partial.text).toMatch(/not allowed:.*change events of your calendars/s);
  expect((await back(other, owner.accountId)).text).toContain('another account');
  expect(await accountIds(holdfast)).toEqual(before);
  const page = await back(owner.email, owner.accountId);
  expect(page.status).toBe(200);
  const again = `${holdfast.apiUrl}/v1/oauth/callback?state=${page.state}&code=x`;
  expect(await (await fetch(again)).text()).toContain('serves once');
});

it('a worker killed between the token answer and the commit goes on with the token before', async () => {
  const owner = await connectOwner(holdfast, 'microsoft');
  const scene = await connectOutlook(holdfast, owner);
  const since = await recordEnd(holdfast);
  const admin = new pg.Client({ connectionString: holdfast.adminUrl });
  await admin.connect();
  await admin.query('BEGIN');
  await admin.query('SELECT FROM account WHERE id = $1 FOR NO KEY UPDATE', [owner.accountId]);
  await expireTokens(owner.email);
  await takeHour(holdfast, scene, { days: 4, hour: 9 });
  syncSoon(scene);
  await until(
    () => microsoft(since),
    ({ tokens }) => tokens.length > 0 && tokens.every(({ status }) => status === 200),
  );
  await holdfast.worker.stop('SIGKILL');
  await admin.query('ROLLBACK');
  await admin.end();
  await holdfast.startWorker();
  await untilTaken(holdfast, scene, { days: 4, hour: 9, timeoutMs: 40_000 });
  const { tokens } = await microsoft(since);
  const spent = tokens.map(({ requestBody }) =>
    new URLSearchParams(String(requestBody)).get('refresh_token'),
  );
  expect(spent.length).toBeGreaterThan(1);
  expect(new Set(spent).size).toBe(1);
  await untilShown(holdfast, scene, { status: 'live' });
}, 90_000);

it('a token answer that is lost costs nothing, and many connections ask for one token', async () => {
  const owner = await connectOwner(holdfast, 'microsoft');
  const scenes = [];
  for (let n = 0; n < 4; n += 1) scenes.push(await connectOutlook(holdfast, owner));
  await fault(holdfast, { host: 'microsoft', method: 'POST', path: '/token$', drop: 'after' });
  const since = await recordEnd(holdfast);
  await expireTokens(owner.email);
  for (const scene of scenes) {
    await takeHour(holdfast, scene, { days: 5, hour: 9 });
    syncSoon(scene);
  }
  for (const scene of scenes) await untilTaken(holdfast, scene, { days: 5, hour: 9 });
  const { tokens } = await microsoft(since);
  expect(tokens.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(tokens.length).toBeLessThanOrEqual(3);
}, 60_000);

it('a refused grant stops all traffic of its account, and one consent brings all back in place', async () => {
  const owner = await connectOwner(holdfast, 'microsoft');
  const scenes = [];
  for (let n = 0; n < 3; n += 1) scenes.push(await connectOutlook(holdfast, owner));
  const neighbour = await connectOutlook(holdfast, await connectOwner(holdfast, 'microsoft'));
  const before = await Promise.all(scenes.map(positionOf));
  await holdfast.control('POST', `/microsoft/accounts/${owner.email}/revoke`);
  syncSoon(scenes[0]!);
  for (const scene of scenes)
    await untilShown(holdfast, scene, { status: 'needs-reauthorization' });
  // What was under way when the grant was refused comes to its end.
  await sleep(2_000);
  const since = await recordEnd(holdfast);
  for (const scene of scenes) {
    await takeHour(holdfast, scene, { days: 6, hour: 9 });
    syncSoon(scene);
  }
  await sleep(4_000);
  const quiet = await microsoft(since);
  const others = encodeURIComponent(neighbour.calendarId);
  const paths = [...quiet.tokens, ...quiet.calls].map(({ path }) => path ?? '');
  expect(paths.filter((path) => !path.includes(others))).toEqual([]);
  await untilShown(holdfast, neighbour, { status: 'live' });

  const back = await recordEnd(holdfast);
  const page = await consent(holdfast, { channel: 'microsoft', ...owner });
  expect(page.status).toBe(200);
  for (const scene of scenes) {
    await untilShown(holdfast, scene, { status: 'live' });
    await untilTaken(holdfast, scene, { days: 6, hour: 9 });
  }
  const { calls } = await microsoft(back);
  const rounds = calls.filter(({ path }) => (path ?? '').includes('/calendarView/delta'));
  expect(rounds.length).toBeGreaterThan(0);
  // Each goes on from its position: nobody asks for a window from its start.
  expect(rounds.filter(({ query }) => query?.['startDateTime'])).toEqual([]);
  const after = await Promise.all(scenes.map(positionOf));
  expect(after.map(({ generation }) => generation)).toEqual(
    before.map(({ generation }) => generation),
  );
}, 90_000);

it('a CalDAV account is found by its address, closed by a refused password and opened by a new one', async () => {
  const username = `u${newPerson().slice(0, 8)}`;
  const { password } = await holdfast.control<{ password: string }>(
    'PUT',
    `/caldav/accounts/${username}`,
    {},
  );
  for (const id of ['one', 'two'])
    await holdfast.control('PUT', `/caldav/calendars/${username}-${id}`, {
      owner: username,
      displayName: `Room ${id}`,
      timezone: 'Europe/Paris',
    });
  const serverUrl = holdfast.emulatorsUrl;
  const given = { channel: 'caldav', serverUrl, username };
  const wrong = await holdfast.call('POST', '/accounts', { ...given, password: 'not-the-one' });
  expect(wrong.body.type).toBe('/problems/credential-refused');
  const nothing = await holdfast.call('POST', '/accounts', {
    ...given,
    serverUrl: `${serverUrl}/nothing-here/`,
    password,
  });
  expect([201, 422]).toContain(nothing.status);
  const made =
    nothing.status === 201
      ? nothing
      : await holdfast.call('POST', '/accounts', { ...given, password });
  expect(made.status).toBe(201);
  const accountId = made.body.id as string;
  const { body } = await holdfast.call('GET', `/accounts/${accountId}/calendars`);
  const calendars = (body.items as { id: string; name: string; write: boolean }[]).filter(
    ({ name }) => name.startsWith('Room'),
  );
  expect(new Set(calendars.map(({ name, write }) => `${name} ${write}`))).toEqual(
    new Set(['Room one true', 'Room two true']),
  );
  const scenes = [];
  for (const { id } of calendars)
    scenes.push(await connect(holdfast, { accountId, calendarId: id }));
  const before = await Promise.all(scenes.map(positionOf));

  await holdfast.control('POST', `/caldav/accounts/${username}/revoke`, { password });
  syncSoon(scenes[0]!);
  for (const scene of scenes)
    await untilShown(holdfast, scene, { status: 'needs-reauthorization' });
  const since = await recordEnd(holdfast);
  for (const scene of scenes) syncSoon(scene);
  await sleep(2_000);
  const quiet = await asked(holdfast, { host: 'caldav', since });
  expect(quiet.calls.map(({ path }) => path)).toEqual([]);

  const fresh = await holdfast.control<{ password: string }>(
    'PUT',
    `/caldav/accounts/${username}`,
    {},
  );
  const patched = await holdfast.call('PATCH', `/accounts/${accountId}`, {
    password: fresh.password,
  });
  expect(patched.body).toMatchObject({ id: accountId, state: 'active' });
  for (const scene of scenes) await untilShown(holdfast, scene, { status: 'live' });
  expect((await Promise.all(scenes.map(positionOf))).map(({ generation }) => generation)).toEqual(
    before.map(({ generation }) => generation),
  );

  const temporal = await viewTemporal();
  const runs = await temporal.runs(onQueue(holdfast));
  const histories = await Promise.all(
    runs.map(async ({ workflowId, runId }) => textOf(await temporal.history(workflowId, runId))),
  );
  await temporal.close();
  const { rows } = await holdfast.database.pool.query<{ text: string }>(
    `SELECT journal::text AS text FROM journal UNION ALL SELECT coalesce(status_reason, '') FROM connection`,
  );
  const everything = [
    ...histories,
    ...rows.map(({ text }) => text),
    holdfast.worker.log(),
    holdfast.api.log(),
    JSON.stringify([wrong.body, patched.body, made.body]),
  ].join('\n');
  expect(everything).toContain(scenes[0]!.connectionId);
  const secrets = [password, fresh.password, 'not-the-one', 'Room one', 'Surgery', 'Consulting'];
  expect(secrets.filter((secret) => everything.includes(secret))).toEqual([]);
}, 90_000);

it('a calendar that is renamed, made read-only, removed or shared no more is noticed as such', async () => {
  const owner = await connectOwner(holdfast, 'microsoft');
  const [own, shared] = [
    await connectOutlook(holdfast, owner),
    await connectOutlook(holdfast, owner),
  ];
  const edit = (scene: { calendarId: string }, body: object) =>
    holdfast.control('PUT', `/microsoft/calendars/${encodeURIComponent(scene.calendarId)}`, body);
  const aDayPasses = () =>
    holdfast.database.pool.query(
      `UPDATE account SET calendars_checked_at = now() - interval '25 hours' WHERE id = $1`,
      [owner.accountId],
    );
  await untilShown(holdfast, own, { calendarName: 'Consulting room', writable: true });
  await edit(own, { name: 'Practice' });
  await edit(shared, { canEdit: false, sharedBy: 'colleague@example.com' });
  await aDayPasses();
  await steer(holdfast, own, 'sync-now');
  await untilShown(holdfast, own, { calendarName: 'Practice', writable: true });
  const readOnly = await untilShown(holdfast, shared, { writable: false });
  expect(readOnly.body.readOnlySince).toEqual(expect.any(String));

  for (const scene of [own, shared])
    await holdfast.control(
      'DELETE',
      `/microsoft/calendars/${encodeURIComponent(scene.calendarId)}`,
    );
  for (const scene of [own, shared]) syncSoon(scene);
  const removed = await untilShown(holdfast, own, { reason: 'calendar-removed' });
  expect(removed.body).toMatchObject({ status: 'failing' });
  expect(removed.body.advice).toContain('no such calendar');
  await untilShown(holdfast, shared, { status: 'failing', reason: 'not-shared-any-more' });
}, 60_000);
