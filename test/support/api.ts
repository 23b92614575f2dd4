import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OpenAccess } from '../../src/access.ts';
import { createApp } from '../../src/api/app.ts';
import type { ApiDependencies } from '../../src/api/dependencies.ts';
import { SCOPES } from '../../src/api/auth.ts';
import { composeFeed } from '../../src/calendar/publish.ts';
import { busySpans } from '../../src/calendar/busy.ts';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import type { ChannelProvider } from '../../src/channels/channel-provider.ts';
import { LOAD_BOUNDS } from '../../src/domain/load.ts';
import { REQUEST_FIGURES } from '../../src/domain/request-limits.ts';
import { createStripeProvider } from '../../src/payments/stripe.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { createKey } from '../../src/store/keys.ts';
import { createVault, parseKeyring } from '../../src/vault.ts';
import type { FakeCommands } from './fake-commands.ts';
import { fakeCommands } from './fake-commands.ts';
import { createDatabase } from './postgres.ts';

export const ZONES = {
  toInstant: wallToInstant,
  toWall: instantToWall,
  isKnown: zoneIsKnown,
  instantOf,
};

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body; null when it is not JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  body: any;
}

export interface Asking {
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TestApi {
  url: string;
  database: Database;
  commands: FakeCommands;
  deps: ApiDependencies;
  /** Keys with every scope, of the tenants `a` and `b`. */
  keys: { a: string; b: string };
  log: string[];
  ask(method: string, path: string, asking?: Asking): Promise<Reply>;
  close(): Promise<void>;
}

export const vault = createVault(parseKeyring(`k1:${Buffer.alloc(32, 7).toString('base64')}`));

/** The whole HTTP application on a database of its own, with workflows faked. */
export async function startApi({
  openAccess = async () => ({ kind: 'url', url: 'https://calendars.example.com/a.ics' }),
  ...own
}: Partial<ApiDependencies> & { openAccess?: OpenAccess } = {}): Promise<TestApi> {
  const made = await createDatabase();
  const database = openDatabase({ url: made.appUrl, poolSize: 10 });
  await database.prisma.tenant.createMany({
    data: [
      { id: 'a', name: 'Tenant A' },
      { id: 'b', name: 'Tenant B' },
    ],
  });
  const keyOf = (tenantId: string) => createKey(database, { tenantId, label: 't', scopes: SCOPES });
  const keys = { a: await keyOf('a'), b: await keyOf('b') };
  const commands = fakeCommands(database);
  const log: string[] = [];
  const deps: ApiDependencies = {
    database,
    commands,
    vault,
    providers: new Map([['ical', feedProvider]]),
    payments: createStripeProvider({ apiUrl: 'http://127.0.0.1:9', timeoutMs: 100 }),
    callChannel: async (account, call) => call(await openAccess(account)),
    callUnopened: (_, call) => call(),
    checkAddress: async () => null,
    zones: ZONES,
    busySpans,
    composeFeed,
    config: {
      publicUrl: 'https://holdfast.example.com',
      stripeJsUrl: 'https://js.stripe.com/v3/',
      requestFigures: REQUEST_FIGURES,
      loadBounds: LOAD_BOUNDS,
      proxies: 0,
    },
    now: Date.now,
    log: (level, message, fields) => log.push(JSON.stringify({ level, message, ...fields })),
    ...own,
  };
  const server = createServer(createApp(deps));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    database,
    deps,
    keys,
    log,
    commands: deps.commands as FakeCommands,
    ask: (method, path, asking = {}) => send(`${url}${path}`, method, { key: keys.a, ...asking }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await database.close();
      await made.drop();
    },
  };
}

async function send(url: string, method: string, asking: Asking): Promise<Reply> {
  const { key, body } = asking;
  const json =
    body === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...json,
      ...asking.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = /json/.test(answer.headers.get('content-type') ?? '');
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: isJson && text !== '' ? JSON.parse(text) : null,
  };
}

const refuse = () => Promise.reject(new Error('not asked in these tests'));

/** A channel of one read-only calendar that takes any notification of `?watch=&secret=`. */
export const feedProvider: ChannelProvider = {
  channel: 'ical',
  supports: { oauth: false, push: false, write: false, renewal: 'none', absenceConfirmMs: 0 },
  authorizationUrl: () => '',
  exchange: refuse,
  refresh: refuse,
  prove: async ({ credential }) => ({ credential, subject: null }),
  listCalendars: async () => [
    { id: 'feed', name: 'Feed', timeZone: 'UTC', push: false, write: false, primary: true },
  ],
  pull: refuse,
  receive: ({ query }) => ({
    reply: { status: 202 },
    hints: [
      { watchId: query['watch'] ?? '', secret: query['secret'] ?? '', kind: 'changed' as const },
    ],
  }),
  watch: refuse,
  renew: refuse,
  unwatch: refuse,
  write: refuse,
  remove: refuse,
  read: refuse,
  freeBusy: refuse,
};

/** A resource as most tests need it; `settings` and the rest can be given. */
export async function makeResource(
  api: TestApi,
  given: { id: string; key?: string; capacity?: number; settings?: object; timeZone?: string },
): Promise<void> {
  const { key = api.keys.a, ...rest } = given;
  const reply = await api.ask('POST', '/v1/resources', {
    key,
    headers: { 'idempotency-key': `resource-${given.id}` },
    body: { name: 'A place', timeZone: 'UTC', ...rest },
  });
  if (reply.status !== 201) throw new Error(`no resource: ${reply.text}`);
}
