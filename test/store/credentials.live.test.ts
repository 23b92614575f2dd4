import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessOpener } from '../../src/access.ts';
import type { ChannelProvider, Credential } from '../../src/channels/channel-provider.ts';
import type { ChannelRegistry } from '../../src/channels/registry.ts';
import { Failure } from '../../src/domain/failure.ts';
import { changeCredential, loadCredential, markUnauthorized } from '../../src/store/credentials.ts';
import { reauthorizeAccount } from '../../src/store/accounts.ts';
import { setConnectionStatus } from '../../src/store/connection-status.ts';
import type { Database } from '../../src/store/database.ts';
import { openDatabase, transaction } from '../../src/store/database.ts';
import { change } from '../../src/store/transactions.ts';
import { createVault, parseKeyring } from '../../src/vault.ts';
import type { Ledger } from '../support/ledger.ts';
import { addConnection, addResource, entriesOf, openLedger, TENANT } from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 24 });
});
afterAll(() => ledger.close());

const vault = createVault(parseKeyring(`k:${Buffer.alloc(32, 3).toString('base64')}`));
const NOW_AT = Date.UTC(2035, 0, 1);

function oauth(n: number, lifeMs: number): Credential {
  const expiresAt = new Date(NOW_AT + lifeMs).toISOString();
  const tokens = { refreshToken: `refresh-${n}`, accessToken: `access-${n}` };
  return { kind: 'oauth', ...tokens, expiresAt, scopes: [] };
}

async function anAccount(lifeMs: number) {
  const { connectionId } = await addConnection(ledger.admin, {
    resourceId: await addResource(ledger.admin),
  });
  const account = { tenantId: TENANT, accountId: connectionId };
  const sealed = vault.seal([TENANT, 'account', connectionId], JSON.stringify(oauth(0, lifeMs)));
  await ledger.admin.query('UPDATE account SET credential = $2 WHERE id = $1', [
    connectionId,
    sealed,
  ]);
  await ledger.admin.query(`SELECT append_entry($1, $2, 1, 'account.created', '{}')`, [
    TENANT,
    `account/${connectionId}`,
  ]);
  return account;
}

function opener(refresh: (token: string) => Promise<Credential>) {
  const asked: string[] = [];
  const provider = {
    channel: 'google',
    refresh: ({ refreshToken }: { refreshToken: string }) => {
      asked.push(refreshToken);
      return refresh(refreshToken);
    },
  } as unknown as ChannelProvider;
  const openAccess = accessOpener({
    database: { pool: ledger.pool } as Database,
    vault,
    channels: new Map([['google', provider]]) as ChannelRegistry,
    now: () => NOW_AT,
  });
  return { asked, openAccess };
}

test('of many who find a token about to expire one refreshes it, and all get the new one', async () => {
  const account = await anAccount(60_000);
  const { asked, openAccess } = opener(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return oauth(1, 3_600_000);
  });
  const opened = await Promise.all(Array.from({ length: 12 }, () => openAccess(account)));
  expect(asked).toEqual(['refresh-0']);
  expect(new Set(opened.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(opened[0]).toEqual({ kind: 'bearer', accessToken: 'access-1' });
});

test('who finds another process at it is told to come back, and keeps no database connection', async () => {
  const account = await anAccount(60_000);
  let answer: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (answer = resolve));
  const first = opener(async () => {
    await held;
    return oauth(1, 3_600_000);
  });
  const second = opener(() => Promise.resolve(oauth(2, 3_600_000)));
  const opened = first.openAccess(account);
  await expect.poll(() => first.asked).toHaveLength(1);
  await expect(second.openAccess(account)).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'account-in-use',
    retryAfterMs: 1_000,
  });
  expect(second.asked).toEqual([]);
  const others = Array.from({ length: 40 }, () => first.openAccess(account));
  expect((await ledger.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  answer();
  expect(
    new Set((await Promise.all([opened, ...others])).map((one) => JSON.stringify(one))).size,
  ).toBe(1);
  expect(await second.openAccess(account)).toMatchObject({ accessToken: 'access-1' });
});

test('a fresh token is used as it is, unless the channel refused it', async () => {
  const account = await anAccount(3_600_000);
  const { asked, openAccess } = opener(() => Promise.resolve(oauth(1, 3_600_000)));
  expect(await openAccess(account)).toMatchObject({ accessToken: 'access-0' });
  expect(await openAccess(account, 'access-0')).toMatchObject({ accessToken: 'access-1' });
  expect(await openAccess(account, 'access-0')).toMatchObject({ accessToken: 'access-1' });
  expect(asked).toEqual(['refresh-0']);
});

test('a grant the channel refuses is asked for once, entered once, and waits for a person', async () => {
  const account = await anAccount(0);
  const { asked, openAccess } = opener(() =>
    Promise.reject(new Failure({ kind: 'unauthorized', code: 'invalid_grant' })),
  );
  const opened = await Promise.allSettled(Array.from({ length: 6 }, () => openAccess(account)));
  expect(opened.every((one) => one.status === 'rejected')).toBe(true);
  const before = asked.length;
  await expect(openAccess(account)).rejects.toThrow('needs-reauthorization');
  expect(asked).toHaveLength(before);
  expect(await loadCredential(ledger.pool, account)).toMatchObject({
    state: 'needs-reauthorization',
  });
  expect(await entriesOf(ledger.pool, `account/${account.accountId}`)).toEqual([
    'account.created',
    'account.needs-reauthorization',
  ]);
});

test('a refused grant closes every connection of its account but the paused, and a person opens them', async () => {
  const account = await anAccount(0);
  const { connectionId: other } = await addConnection(ledger.admin, {
    resourceId: await addResource(ledger.admin),
  });
  await ledger.admin.query(`UPDATE connection SET account_id = $1 WHERE id = $2`, [
    account.accountId,
    other,
  ]);
  const statuses = async () => {
    const { rows } = await ledger.pool.query<{ id: string; status: string }>(
      `SELECT id, status FROM connection WHERE account_id = $1`,
      [account.accountId],
    );
    return Object.fromEntries(rows.map(({ id, status }) => [id, status]));
  };
  const own = account.accountId;
  expect(await markUnauthorized(ledger.pool, account, 1)).toHaveLength(2);
  expect(await markUnauthorized(ledger.pool, account, 1)).toEqual([]);
  expect(await statuses()).toEqual({
    [own]: 'needs-reauthorization',
    [other]: 'needs-reauthorization',
  });
  expect(await entriesOf(ledger.pool, `connection/${other}`)).toEqual([
    'connection.needs-reauthorization',
  ]);
  // A pass that was under way ends well, and changes nothing of it.
  await setConnectionStatus(
    ledger.pool,
    { tenantId: TENANT, connectionId: other },
    { status: 'live', reason: null },
  );
  expect((await statuses())[other]).toBe('needs-reauthorization');
  await ledger.admin.query(`UPDATE connection SET status = 'paused' WHERE id = $1`, [own]);
  const database = openDatabase({ url: ledger.appUrl, poolSize: 2 });
  const given = { tenantId: TENANT, id: own, channel: 'google', subject: 's' };
  await change(database, (tx) =>
    reauthorizeAccount(tx, { ...given, credential: new Uint8Array([1]) }),
  );
  expect(await statuses()).toEqual({ [own]: 'paused', [other]: 'lagging' });
  // Once an owner is known, neither another nor one that is not told may take the account over.
  for (const subject of ['t', null])
    expect(
      await change(database, (tx) =>
        reauthorizeAccount(tx, { ...given, subject, credential: new Uint8Array([2]) }),
      ),
    ).toEqual({ kind: 'other-subject' });
  await database.close();
});

test('a refusal of the old grant says nothing of one a person gave meanwhile', async () => {
  const account = await anAccount(0);
  await ledger.admin.query(
    'UPDATE account SET credential_version = credential_version + 1 WHERE id = $1',
    [account.accountId],
  );
  await markUnauthorized(ledger.pool, account, 1);
  expect(await loadCredential(ledger.pool, account)).toMatchObject({ state: 'active' });
});

test('a refresh under way does not overwrite a grant that a person gave meanwhile', async () => {
  const account = await anAccount(0);
  const changed = await changeCredential(ledger.pool, account, async () => {
    await ledger.admin.query(
      `UPDATE account SET credential = '\\x09', credential_version = credential_version + 1
        WHERE id = $1`,
      [account.accountId],
    );
    return Buffer.from([8]);
  });
  expect([changed!.version, [...changed!.sealed]]).toEqual([2, [9]]);
  expect([...(await loadCredential(ledger.pool, account))!.sealed]).toEqual([9]);
});

test('a failed refresh leaves the credential, and the next one may try', async () => {
  const account = await anAccount(0);
  let tries = 0;
  const { openAccess } = opener(() => {
    tries += 1;
    return tries === 1
      ? Promise.reject(new Failure({ kind: 'unavailable', code: 'http-503' }))
      : Promise.resolve(oauth(1, 3_600_000));
  });
  await expect(openAccess(account)).rejects.toThrow('http-503');
  expect(await openAccess(account)).toMatchObject({ accessToken: 'access-1' });
});

test('an unknown account is not found', async () => {
  const { openAccess } = opener(() => Promise.resolve(oauth(1, 0)));
  await expect(openAccess({ tenantId: TENANT, accountId: 'x' })).rejects.toThrow('no-such-account');
});

test('a transaction whose session the server ends is an error of its own, not of the process', async () => {
  const lost = transaction(ledger.pool, async (client) => {
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    await ledger.admin.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await client.query('SELECT 1');
  });
  await expect(lost).rejects.toThrow(/terminat|closed|not queryable/);
  expect((await ledger.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('a transaction that fails leaves nothing behind', async () => {
  const failing = transaction(ledger.pool, async (client) => {
    await client.query(`INSERT INTO booking_fence (tenant_id, booking_id) VALUES ($1, 'x')`, [
      TENANT,
    ]);
    throw new Error('on purpose');
  });
  await expect(failing).rejects.toThrow('on purpose');
  expect((await ledger.pool.query('SELECT FROM booking_fence')).rowCount).toBe(0);
});
