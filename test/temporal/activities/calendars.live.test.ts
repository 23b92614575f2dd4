import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type {
  Channel,
  ChannelProvider,
  ListedCalendar,
} from '../../../src/channels/channel-provider.ts';
import { Failure } from '../../../src/domain/failure.ts';
import { commitBooking } from '../../../src/store/bookings.ts';
import { holdUnits } from '../../../src/store/holds.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { asLoss, checkCalendars } from '../../../temporal/activities/calendars.ts';
import { carryOutMirrors } from '../../../temporal/activities/connection-mirrors.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import { vault } from '../../support/api.ts';
import type { Ledger } from '../../support/ledger.ts';
import { UNLIMITED } from '../../support/limits.ts';
import { addConnection, addResource, aHold, openLedger, TENANT } from '../../support/ledger.ts';

let ledger: Ledger;
let resourceId: string;
let key: ConnectionKey;
let calendars: ListedCalendar[] | Failure;
let lists: number;
let writes: number;
const told: string[] = [];

beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  resourceId = await addResource(ledger.admin);
  key = await addConnection(ledger.admin, { resourceId });
  calendars = [mine()];
  [lists, writes] = [0, 0];
  told.length = 0;
});

const mine = (more: Partial<ListedCalendar> = {}): ListedCalendar => ({
  id: 'primary',
  name: 'Mine',
  timeZone: 'UTC',
  push: true,
  write: true,
  primary: true,
  ...more,
});

function deps(): ActivityDependencies {
  const provider = {
    channel: 'google',
    supports: { oauth: true, push: true, write: true, renewal: 'recreate', absenceConfirmMs: 0 },
    async listCalendars() {
      lists += 1;
      if (calendars instanceof Failure) throw calendars;
      return calendars;
    },
    async write() {
      writes += 1;
      return { nativeId: 'n', etag: null };
    },
    read: () => Promise.resolve(null),
  } as unknown as ChannelProvider;
  return {
    database: { pool: ledger.pool },
    vault,
    channels: new Map<Channel, ChannelProvider>([['google', provider]]),
    ...UNLIMITED,
    openAccess: () => Promise.resolve({ kind: 'bearer', accessToken: 'x' }),
    commands: {
      requestMirror: async ({ connectionId }: ConnectionKey) => void told.push(connectionId),
    },
    settings: { horizonMs: 0, publicUrl: null },
    now: () => Date.now(),
    log: () => undefined,
  } as unknown as ActivityDependencies;
}

const at = (calendarShared: boolean | null = null) => ({
  tenantId: TENANT,
  pass: { accountId: key.connectionId, channel: 'google', calendarId: 'primary', calendarShared },
});
const aDayLater = () =>
  ledger.admin.query(
    `UPDATE account SET created_at = now() - interval '2 days',
       calendars_checked_at = calendars_checked_at - interval '2 days' WHERE id = $1`,
    [key.connectionId],
  );

test('a calendar that cannot be read is lost only where the account still lists its calendars', async () => {
  const gone = new Failure({ kind: 'not-found', code: 'http-404' });
  const forbidden = new Failure({ kind: 'unauthorized', code: 'forbidden' });
  const closed = new Failure({ kind: 'unauthorized', code: 'needs-reauthorization' });
  const down = new Failure({ kind: 'unavailable', code: 'http-503' });
  const others = [mine({ id: 'another' })];
  const cases: [Failure, ListedCalendar[] | Failure, boolean | null, string][] = [
    [gone, others, null, 'calendar-removed'],
    [gone, others, false, 'calendar-removed'],
    [gone, others, true, 'not-shared-any-more'],
    [gone, [mine()], null, 'http-404'],
    [gone, down, null, 'http-404'],
    [forbidden, others, null, 'not-shared-any-more'],
    [forbidden, [mine()], null, 'not-shared-any-more'],
    [forbidden, forbidden, null, 'forbidden'],
    [closed, others, null, 'needs-reauthorization'],
    [down, others, null, 'http-503'],
  ];
  for (const [failure, listed, shared, code] of cases) {
    calendars = listed;
    expect((await asLoss(deps(), at(shared), failure)).code).toBe(code);
  }
});

test('calendars are looked at once a day, and a look that fails costs nothing', async () => {
  await checkCalendars(deps(), at());
  expect(lists).toBe(0);
  await aDayLater();
  await Promise.all([1, 2, 3].map(() => checkCalendars(deps(), at())));
  expect(lists).toBe(1);
  await aDayLater();
  calendars = new Failure({ kind: 'unavailable', code: 'http-503' });
  await checkCalendars(deps(), at());
});

test('mirrors of a calendar that may not be written any more wait, and say why', async () => {
  const held = aHold(resourceId);
  await holdUnits(ledger.pool, held);
  await commitBooking(ledger.pool, held);
  calendars = [mine({ write: false })];
  await aDayLater();
  await checkCalendars(deps(), at());
  await carryOutMirrors(deps(), key);
  expect(writes).toBe(0);
  const { rows } = await ledger.pool.query(`SELECT failure FROM mirror WHERE connection_id = $1`, [
    key.connectionId,
  ]);
  expect(rows).toEqual([{ failure: 'calendar-read-only' }]);
  // Nothing is left that a turn would try again at once.
  expect(await carryOutMirrors(deps(), key)).toMatchObject({ left: 0 });
  calendars = [mine()];
  await aDayLater();
  await checkCalendars(deps(), at());
  expect(told).toEqual([key.connectionId]);
  await carryOutMirrors(deps(), key);
  expect(writes).toBeGreaterThan(0);
});
