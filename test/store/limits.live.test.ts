import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLimits } from '../../src/domain/limits.ts';
import {
  beginCall,
  dropIdleLimits,
  endCall,
  readLimits,
  type Begun,
  type Caller,
  type Ended,
  type Permit,
} from '../../src/store/limits.ts';
import { addTenant, openLedger, TENANT, type Ledger } from '../support/ledger.ts';

let ledger: Ledger;
let party: string;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 24 });
  await addTenant(ledger.admin, 'other');
});
afterAll(() => ledger.close());
beforeEach(() => {
  party = `ical/${randomUUID()}`;
});

const PLENTY = { burst: 1_000, periodMs: 0.01 };
const limits = (some: Partial<ChannelLimits> = {}): ChannelLimits => ({
  account: PLENTY,
  shared: null,
  atOnce: null,
  refusalStops: 'account',
  ...some,
});
async function addAccount(tenantId = TENANT, subject: string | null = null): Promise<string> {
  const id = randomUUID();
  await ledger.admin.query(
    `INSERT INTO account (tenant_id, id, channel, subject, credential) VALUES ($1, $2, 'google', $3, '\\x00')`,
    [tenantId, id, subject],
  );
  return id;
}
const aCaller = (accountId: string, some: Partial<Caller> = {}): Caller => ({
  tenantId: TENANT,
  accountId,
  channel: 'google',
  party,
  limits: limits(),
  callId: randomUUID(),
  waited: false,
  ...some,
});
const begin = (caller: Caller): Promise<Begun> => beginCall(ledger.pool, caller);
const NOTHING: Ended = { outcome: 'unknown', surplus: 0, pause: null };
const end = (caller: Caller, permit: Permit, ended: Partial<Ended> = {}): Promise<void> =>
  endCall(ledger.pool, caller, { permit, ended: { ...NOTHING, ...ended } });
async function permitted(caller: Caller): Promise<Permit> {
  const begun = await begin(caller);
  if (begun.kind !== 'go') throw new Error(`${begun.limit}, for ${begun.waitMs} ms`);
  return begun.permit;
}
async function refused(caller: Caller): Promise<Extract<Begun, { kind: 'wait' }>> {
  const begun = await begin(caller);
  if (begun.kind === 'go') throw new Error('It went through.');
  return begun;
}

/** Rivals that ask again at once whatever they are told; how many got through, in how long. */
async function rivals(many: number, forMs: number, caller: () => Caller) {
  const startedAt = performance.now();
  let through = 0;
  const rival = async () => {
    while (performance.now() - startedAt < forMs)
      if ((await begin(caller())).kind === 'go') through += 1;
  };
  await Promise.all(Array.from({ length: many }, rival));
  return { through, tookMs: performance.now() - startedAt };
}

describe('a bucket', () => {
  test.each(['account', 'shared'] as const)(
    'of the %s gives rivals its burst and its rate, and never more',
    async (which) => {
      const accounts = await Promise.all(Array.from({ length: 4 }, () => addAccount()));
      const budget = { burst: 10, periodMs: 20 };
      let n = 0;
      const { through, tookMs } = await rivals(16, 1_500, () =>
        aCaller(which === 'account' ? accounts[0]! : accounts[n++ % 4]!, {
          limits: limits({ [which]: budget }),
        }),
      );
      const most = budget.burst + tookMs / budget.periodMs;
      expect(through).toBeLessThanOrEqual(most);
      expect(through).toBeGreaterThan(most * 0.9);
    },
  );

  test('is the person’s: one who is connected twice, also by two tenants, has one', async () => {
    const subject = randomUUID();
    const [one, two] = [await addAccount(TENANT, subject), await addAccount('other', subject)];
    const tight = { limits: limits({ account: { burst: 1, periodMs: 60_000 } }) };
    await permitted(aCaller(one, tight));
    expect((await refused(aCaller(two, { ...tight, tenantId: 'other' }))).limit).toBe('budget');
    await permitted(aCaller(await addAccount(), tight));
  });

  test('takes all or nothing: what one bucket refuses costs the other nothing', async () => {
    const accountId = await addAccount();
    const tight = limits({
      account: { burst: 2, periodMs: 60_000 },
      shared: { burst: 1, periodMs: 200 },
    });
    await permitted(aCaller(accountId, { limits: tight }));
    for (let n = 0; n < 5; n += 1)
      expect((await refused(aCaller(accountId, { limits: tight }))).limit).toBe('budget');
    await sleep(250);
    await permitted(aCaller(accountId, { limits: tight }));
  });

  test('is in debt for requests that were more than expected', async () => {
    const accountId = await addAccount();
    const caller = aCaller(accountId, {
      limits: limits({ account: { burst: 5, periodMs: 1_000 } }),
    });
    await end(caller, await permitted(caller), { outcome: 'alive', surplus: 9 });
    const { waitMs } = await refused(caller);
    expect(waitMs).toBeGreaterThan(5_000);
    expect(waitMs).toBeLessThanOrEqual(6_000);
  });

  test('tells those it refuses to come back one after the other, at its rate', async () => {
    const accountId = await addAccount();
    const caller = aCaller(accountId, {
      limits: limits({ account: { burst: 1, periodMs: 1_000 } }),
    });
    await permitted(caller);
    const waits: number[] = [];
    for (let n = 0; n < 4; n += 1) waits.push((await refused(caller)).waitMs);
    const gaps = waits.slice(1).map((waitMs, n) => waitMs - waits[n]!);
    for (const gapMs of gaps) expect(Math.abs(gapMs - 900)).toBeLessThan(300);
  });

  test('gives a tenant with few calls its turn before the thousandth of another', async () => {
    const shared = limits({ shared: { burst: 1, periodMs: 1_000 } });
    const many = aCaller(await addAccount(), { limits: shared });
    await permitted(many);
    for (let n = 0; n < 100; n += 1) await begin(many);
    const few = aCaller(await addAccount('other'), { tenantId: 'other', limits: shared });
    const waits: number[] = [];
    for (let n = 0; n < 5; n += 1) waits.push((await refused(few)).waitMs);
    expect(Math.max(...waits)).toBeLessThan(10_000);
    expect((await refused(many)).waitMs).toBeGreaterThan(90_000);
  });
});

describe('a channel that asks for rest', () => {
  test('stops the whole bucket until then, and nothing has been saved up when it ends', async () => {
    const accountId = await addAccount();
    const caller = aCaller(accountId, { limits: limits({ account: { burst: 10, periodMs: 50 } }) });
    const permit = await permitted(caller);
    await end(caller, permit, { outcome: 'alive', pause: { of: 'account', ms: 300 } });
    expect((await refused(caller)).limit).toBe('pause');
    await permitted(aCaller(await addAccount()));
    await sleep(310);
    const { through, tookMs } = await rivals(4, 200, () => caller);
    expect(through).toBeLessThanOrEqual(2 + tookMs / 50);
  });

  test('stops everybody where what is shared was refused', async () => {
    const shared = limits({ shared: PLENTY });
    const caller = aCaller(await addAccount(), { limits: shared });
    const permit = await permitted(caller);
    await end(caller, permit, { outcome: 'alive', pause: { of: 'shared', ms: 60_000 } });
    const other = aCaller(await addAccount('other'), { tenantId: 'other', limits: shared });
    expect(await refused(other)).toMatchObject({ limit: 'pause' });
    expect((await readLimits(ledger.pool)).pausedBuckets['ical']).toBeGreaterThanOrEqual(1);
  });

  test('counts refusals in a row, those of one moment once, until it grants something', async () => {
    const accountId = await addAccount();
    const caller = aCaller(accountId);
    const [one, two] = [await permitted(caller), await permitted(caller)];
    const rest = { outcome: 'alive', pause: { of: 'account', ms: 100 } } as const;
    await end(caller, one, rest);
    await end(caller, two, rest);
    await sleep(120);
    const third = await permitted(caller);
    expect(third.strikes).toBe(1);
    await end(caller, third, rest);
    await sleep(120);
    const fourth = await permitted(caller);
    expect(fourth.strikes).toBe(2);
    await end(caller, fourth, { outcome: 'alive' });
    expect((await permitted(caller)).strikes).toBe(0);
  });
});

describe('leases', () => {
  const four = limits({ atOnce: 4 });

  test('are four, whoever asks, and come back one by one', async () => {
    const accountId = await addAccount();
    const callers = Array.from({ length: 24 }, () => aCaller(accountId, { limits: four }));
    const begun = await Promise.all(callers.map(begin));
    const open = begun.flatMap((one, n) =>
      one.kind === 'go' ? [{ permit: one.permit, caller: callers[n]! }] : [],
    );
    expect(open.map(({ permit }) => permit.slot).toSorted((a, b) => a! - b!)).toEqual([1, 2, 3, 4]);
    expect((await refused(aCaller(accountId, { limits: four }))).limit).toBe('lease');
    await end(open[0]!.caller, open[0]!.permit);
    const next = await permitted(aCaller(accountId, { limits: four }));
    expect(next.slot).toBe(open[0]!.permit.slot);
  });

  test('of a caller that died come back by themselves, and it cannot give back another’s', async () => {
    const one = limits({ atOnce: 1 });
    const accountId = await addAccount();
    const dead = aCaller(accountId, { limits: one });
    const permit = await permitted(dead);
    await ledger.admin.query(`UPDATE call_lease SET expires_at = now() WHERE holder = $1`, [
      dead.callId,
    ]);
    await permitted(aCaller(accountId, { limits: one }));
    await end(dead, permit);
    expect((await refused(aCaller(accountId, { limits: one }))).limit).toBe('lease');
  });
});

describe('a circuit', () => {
  const down = { outcome: 'down' } as const;
  const fail = async (caller: Caller, times: number) => {
    for (let n = 0; n < times; n += 1) await end(caller, await permitted(caller), down);
  };
  const due = () =>
    ledger.admin.query(`UPDATE circuit SET probe_at = now() WHERE party = $1`, [party]);

  test('opens when a host fails time after time, and then lets one through to look', async () => {
    const caller = aCaller(await addAccount());
    await fail(caller, 8);
    expect((await refused(caller)).limit).toBe('circuit');
    await permitted(aCaller(await addAccount(), { party: `ical/${randomUUID()}` }));
    expect((await readLimits(ledger.pool)).openCircuits).toMatchObject({ ical: 1 });
    await due();
    const begun = await Promise.all(Array.from({ length: 20 }, () => begin(caller)));
    const through = begun.flatMap((one) => (one.kind === 'go' ? [one.permit] : []));
    expect(through).toHaveLength(1);
    expect(through[0]?.probing).toBe(true);
    await end(caller, through[0]!, down);
    const again = await refused(caller);
    expect(again.limit).toBe('circuit');
    expect(again.waitMs).toBeGreaterThan(2_000);
  });

  test('stays closed where some calls fail and others do not', async () => {
    const caller = aCaller(await addAccount());
    for (let n = 0; n < 30; n += 1) {
      await fail(caller, 1);
      const permit = await permitted(caller);
      expect(permit.suspect).toBe(true);
      await end(caller, permit, { outcome: 'alive' });
    }
    expect((await permitted(caller)).suspect).toBe(false);
  });

  test('lets calls back in little by little when the host is well again', async () => {
    const caller = aCaller(await addAccount());
    await fail(caller, 8);
    await due();
    await end(caller, await permitted(caller), { outcome: 'alive' });
    const { through, tookMs } = await rivals(8, 1_000, () => caller);
    expect(through).toBeGreaterThanOrEqual(3);
    expect(through).toBeLessThanOrEqual(1 + (tookMs / 1_000) * 7);
    await ledger.admin.query(
      `UPDATE circuit SET ramp_from = now() - interval '1 minute' WHERE party = $1`,
      [party],
    );
    const later = await Promise.all(Array.from({ length: 50 }, () => begin(caller)));
    expect(later.every(({ kind }) => kind === 'go')).toBe(true);
  });

  test('is asked by somebody else when the one that looked never came back', async () => {
    const caller = aCaller(await addAccount());
    await fail(caller, 8);
    await due();
    await permitted(caller);
    await ledger.admin.query(`UPDATE circuit SET probe_until = now() WHERE party = $1`, [party]);
    expect((await permitted(caller)).probing).toBe(true);
  });

  test('is opened again at once by a host that fails while it is let back in', async () => {
    const caller = aCaller(await addAccount());
    await fail(caller, 8);
    await due();
    await end(caller, await permitted(caller), { outcome: 'alive' });
    for (let n = 0; n < 3; n += 1) {
      await sleep(250);
      await end(caller, await permitted(caller), down);
    }
    expect((await refused(caller)).limit).toBe('circuit');
  });
});

test('what has long been full or well is forgotten', async () => {
  const caller = aCaller(await addAccount(), { limits: limits({ shared: PLENTY, atOnce: 1 }) });
  await end(caller, await permitted(caller), { outcome: 'down' });
  await ledger.admin.query(`UPDATE call_bucket SET full_at = now() - interval '2 days';
    UPDATE circuit SET failed_at = now() - interval '2 days'`);
  await dropIdleLimits(ledger.pool);
  const { rows } = await ledger.admin.query(
    `SELECT bucket AS name FROM call_bucket WHERE paused_until IS NULL
     UNION ALL SELECT bucket FROM call_lease WHERE expires_at = '-infinity'
     UNION ALL SELECT party FROM circuit WHERE state <> 'open'`,
  );
  expect(rows).toEqual([]);
});
