import { randomUUID } from 'node:crypto';
import { createVault, parseKeyring } from '../../src/vault.ts';
import { until, type Holdfast } from './holdfast.ts';

/** What a day at Holdfast consists of: a resource, its Google calendar, a payment account. */
export interface Scene {
  resourceId: string;
  calendarId: string;
  connectionId: string;
}

export const DAY_MS = 86_400_000;
/** An instant some days ahead, at a full hour. */
export const at = (days: number, hour = 12): string =>
  new Date(
    Math.floor(Date.now() / DAY_MS) * DAY_MS + days * DAY_MS + hour * 3_600_000,
  ).toISOString();

export async function addResource(
  holdfast: Holdfast,
  resource: Record<string, unknown> = {},
): Promise<string> {
  const id = `r-${randomUUID().slice(0, 8)}`;
  const answer = await holdfast.call('POST', '/resources', {
    id,
    name: 'Room',
    timeZone: 'Europe/Paris',
    capacity: 1,
    ...resource,
  });
  if (answer.status !== 201) throw new Error(`resource: ${JSON.stringify(answer.body)}`);
  return id;
}

/** An account as consent leaves it: sealed credential of the emulated Google. */
export async function addGoogleAccount(
  holdfast: Holdfast,
): Promise<{ accountId: string; email: string }> {
  const email = `${randomUUID().slice(0, 8)}@example.com`;
  const { refreshToken } = await holdfast.control<{ refreshToken: string }>(
    'PUT',
    `/google/accounts/${email}`,
    {},
  );
  const accountId = randomUUID();
  const vault = createVault(parseKeyring(holdfast.env['HOLDFAST_KEYRING']!));
  const credential = {
    kind: 'oauth',
    refreshToken,
    accessToken: 'none-yet',
    expiresAt: new Date(0).toISOString(),
    scopes: [],
  };
  const { tenantId, database } = holdfast;
  await database.prisma.account.create({
    data: {
      tenantId,
      id: accountId,
      channel: 'google',
      subject: null,
      credential: new Uint8Array(
        vault.seal([tenantId, 'account', accountId], JSON.stringify(credential)),
      ),
    },
  });
  return { accountId, email };
}

export async function connectGoogle(
  holdfast: Holdfast,
  options: { resourceId: string; settings?: Record<string, unknown> },
): Promise<Scene> {
  const { accountId, email } = await addGoogleAccount(holdfast);
  const calendarId = `${randomUUID().slice(0, 12)}@group.calendar.google.com`;
  await holdfast.control('PUT', `/google/calendars/${encodeURIComponent(calendarId)}`, {
    owner: email,
    summary: 'Room',
    timeZone: 'Europe/Paris',
  });
  const answer = await holdfast.call('POST', '/connections', {
    resourceId: options.resourceId,
    accountId,
    calendarId,
    ...(options.settings && { settings: options.settings }),
  });
  if (answer.status !== 201) throw new Error(`connection: ${JSON.stringify(answer.body)}`);
  const connectionId = answer.body.id as string;
  await until(
    () => holdfast.call('GET', `/connections/${connectionId}`),
    ({ body }) => body.status === 'live',
    60_000,
  );
  return { resourceId: options.resourceId, calendarId, connectionId };
}

export async function addPaymentAccount(holdfast: Holdfast): Promise<string> {
  const secretKey = `sk_test_${randomUUID().replaceAll('-', '')}`;
  const webhookSecret = `whsec_${randomUUID().replaceAll('-', '')}`;
  await holdfast.control('PUT', `/stripe/accounts/acct_${randomUUID().slice(0, 8)}`, { secretKey });
  const answer = await holdfast.call('POST', '/payment-accounts', {
    id: `p-${randomUUID().slice(0, 8)}`,
    service: 'stripe',
    secretKey,
    webhookSecret,
  });
  if (answer.status !== 201) throw new Error(`payment account: ${JSON.stringify(answer.body)}`);
  return answer.body.id as string;
}
