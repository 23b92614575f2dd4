/** The demo's rows, each made once. Made again only where they can no longer be used. */
import { SCOPES } from '../src/api/auth.ts';
import type { Channel, Credential } from '../src/channels/channel-provider.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../src/domain/connection.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../src/domain/resource.ts';
import type { ResourceSettings } from '../src/domain/resource.ts';
import { createAccount, reauthorizeAccount } from '../src/store/accounts.ts';
import { createConnection } from '../src/store/connections.ts';
import type { Database } from '../src/store/database.ts';
import { createKey } from '../src/store/keys.ts';
import { createPaymentAccount } from '../src/store/payment-accounts.ts';
import { createResource } from '../src/store/resources.ts';
import { change } from '../src/store/transactions.ts';
import type { Tx } from '../src/store/transactions.ts';
import type { Place, Vault } from '../src/vault.ts';
import { DEMO } from './demo-names.ts';

const { tenantId, villa, studio, practice, kayaks } = DEMO;

export interface RowsOptions {
  vault: Vault;
  feedUrl: string;
  emulatorsUrl: string;
  kayaksUrl: string;
  /** With a client of the person's own the demo's calendars there are out of reach. */
  googleIsEmulated: boolean;
  microsoftIsEmulated: boolean;
}

export async function makeRows(database: Database, options: RowsOptions) {
  await change(database, async (tx) => {
    if (!(await tx.tenant.findUnique({ where: { id: tenantId } })))
      await tx.tenant.create({ data: { id: tenantId, name: 'Demo' } });
  });
  await createKey(database, {
    tenantId,
    label: 'npm start, this machine only',
    scopes: SCOPES,
    loopbackOnly: true,
    keyId: DEMO.keyId,
    secret: DEMO.keySecret,
  });
  await change(database, async (tx) => {
    await makeResources(tx);
    await makePaymentAccount(tx, options.vault);
    await makeStudio(tx, options);
    await makeKayaks(tx, options);
    if (options.googleIsEmulated) await makeVilla(tx, options.vault);
    if (options.microsoftIsEmulated) await makePractice(tx, options.vault);
  });
}

async function makeResources(tx: Tx) {
  const zone = 'Europe/Rome';
  const wanted: { id: string; name: string; timeZone: string; capacity?: number; sold?: Sold }[] = [
    { id: villa.resourceId, name: 'Villa', timeZone: zone, sold: { price: perNight(18_000) } },
    { id: studio.resourceId, name: 'Studio', timeZone: 'Europe/Paris' },
    { id: practice.resourceId, name: 'Practice', timeZone: zone },
    { id: kayaks.resourceId, name: 'Kayaks', timeZone: zone, capacity: kayaks.capacity },
    { id: DEMO.cabin.resourceId, name: 'The cabin', timeZone: zone, sold: CABIN },
  ];
  for (const { sold, capacity = 1, ...resource } of wanted) {
    const where = { tenantId_id: { tenantId, id: resource.id } };
    if (await tx.resource.findUnique({ where })) continue;
    const settings = { ...DEFAULT_RESOURCE_SETTINGS, ...sold };
    await createResource(tx, tenantId, { ...resource, capacity, settings });
  }
}

type Sold = Partial<ResourceSettings>;
const perNight = (amountMinor: number) => ({ per: 'night', amountMinor, currency: 'eur' }) as const;
const DAY_MS = 86_400_000;

/** Free to cancel until two weeks before, then for half of the price until the day before. */
const CABIN: Sold = {
  soldBy: 'night',
  nights: {
    checkIn: '15:00',
    checkOut: '10:00',
    minNights: 1,
    maxNights: 14,
    closedToArrival: [],
    closedToDeparture: [],
    seasons: [],
  },
  price: perNight(12_000),
  cancellation: [
    { beforeMs: 14 * DAY_MS, feePercent: 0, feeMinor: 0 },
    { beforeMs: DAY_MS, feePercent: 50, feeMinor: 0 },
  ],
};

async function makePaymentAccount(tx: Tx, vault: Vault) {
  const id = villa.paymentAccountId;
  const place = [tenantId, 'payment_account', id] as const;
  const { secretKey, publishableKey, webhookSecret } = DEMO.stripe;
  const own = { secretKey, publishableKey, webhookSecret, connectedAccount: null };
  const secrets = JSON.stringify(own);
  const where = { tenantId_id: { tenantId, id } };
  const known = await tx.paymentAccount.findUnique({ where });
  if (known && opened(vault, place, known.sealed) === secrets) return;
  const sealed = new Uint8Array(vault.seal(place, secrets));
  if (known) await tx.paymentAccount.update({ where, data: { sealed } });
  else await createPaymentAccount(tx, { tenantId, id, service: 'stripe', sealed });
}

async function makeVilla(tx: Tx, vault: Vault) {
  const { accountId, calendarId, connectionId, refreshToken, resourceId } = villa;
  await makeAccount(tx, vault, {
    id: accountId,
    channel: 'google',
    credential: consentOf(refreshToken),
    isGood: (known) => known.kind === 'oauth' && known.refreshToken === refreshToken,
  });
  await makeConnection(tx, {
    id: connectionId,
    resourceId,
    accountId,
    channel: 'google',
    calendarId,
    timeZone: 'Europe/Rome',
    writable: true,
    settings: DEFAULT_CONNECTION_SETTINGS,
  });
}

async function makePractice(tx: Tx, vault: Vault) {
  const { accountId, calendarId, connectionId, refreshToken, resourceId } = practice;
  await makeAccount(tx, vault, {
    id: accountId,
    channel: 'microsoft',
    credential: consentOf(refreshToken),
    // Refresh tokens rotate there; one that no longer serves leaves the account inactive.
    isGood: (known) => known.kind === 'oauth',
  });
  await makeConnection(tx, {
    id: connectionId,
    resourceId,
    accountId,
    channel: 'microsoft',
    calendarId,
    timeZone: 'UTC',
    writable: true,
    settings: DEFAULT_CONNECTION_SETTINGS,
  });
}

const consentOf = (refreshToken: string): Credential => ({
  kind: 'oauth',
  refreshToken,
  accessToken: 'none-yet',
  expiresAt: new Date(0).toISOString(),
  scopes: [],
});

async function makeKayaks(tx: Tx, { vault, emulatorsUrl, kayaksUrl }: RowsOptions) {
  const { accountId, connectionId, password, resourceId, user } = kayaks;
  await makeAccount(tx, vault, {
    id: accountId,
    channel: 'caldav',
    credential: { kind: 'basic', serverUrl: emulatorsUrl, username: user, password },
    isGood: (known) => known.kind === 'basic' && known.serverUrl === emulatorsUrl,
  });
  await makeConnection(tx, {
    id: connectionId,
    resourceId,
    accountId,
    channel: 'caldav',
    calendarId: kayaksUrl,
    timeZone: 'Europe/Rome',
    writable: true,
    settings: { ...DEFAULT_CONNECTION_SETTINGS, takes: 'unit', pollMaxMs: 60_000 },
  });
}

async function makeStudio(tx: Tx, { vault, feedUrl }: RowsOptions) {
  const { accountId, connectionId, feed, resourceId } = studio;
  await makeAccount(tx, vault, {
    id: accountId,
    channel: 'ical',
    credential: { kind: 'url', url: feedUrl },
    // The emulators' port may be another one than last time.
    isGood: (known) => known.kind === 'url' && known.url === feedUrl,
  });
  await makeConnection(tx, {
    id: connectionId,
    resourceId,
    accountId,
    channel: 'ical',
    calendarId: feed,
    timeZone: 'Europe/Paris',
    writable: false,
    settings: { ...DEFAULT_CONNECTION_SETTINGS, pollMaxMs: 60_000 },
  });
}

interface WantedAccount {
  id: string;
  channel: Channel;
  credential: Credential;
  isGood: (known: Credential) => boolean;
}

async function makeAccount(tx: Tx, vault: Vault, wanted: WantedAccount) {
  const { id, channel } = wanted;
  const place = [tenantId, 'account', id] as const;
  const known = await tx.account.findUnique({ where: { tenantId_id: { tenantId, id } } });
  const plain = known?.state === 'active' ? opened(vault, place, known.credential) : null;
  if (plain !== null && wanted.isGood(JSON.parse(plain) as Credential)) return;
  const credential = new Uint8Array(vault.seal(place, JSON.stringify(wanted.credential)));
  const account = { tenantId, id, channel, subject: known?.subject ?? null, credential };
  if (known) await reauthorizeAccount(tx, account);
  else await createAccount(tx, account);
}

type WantedConnection = Omit<Parameters<typeof createConnection>[2], 'unit'>;

/** One that was disconnected stays so: a person wanted it. */
async function makeConnection(tx: Tx, wanted: WantedConnection) {
  const where = { tenantId_id: { tenantId, id: wanted.id } };
  const { calendarId } = wanted;
  const known = await tx.connection.findUnique({ where });
  // A calendar whose id is an address moves with the emulators' port.
  if (known && known.calendarId !== calendarId)
    await tx.connection.update({ where, data: { calendarId } });
  if (known) return;
  const done = await createConnection(tx, tenantId, { ...wanted, unit: null });
  if (done.kind !== 'connected') throw new Error(`Connection ${wanted.id}: ${done.kind}.`);
}

/** Null when it was sealed under a keyring that is gone. */
function opened(vault: Vault, place: Place, sealed: Uint8Array): string | null {
  try {
    return vault.open(place, sealed);
  } catch {
    return null;
  }
}
