import { randomUUID } from 'node:crypto';
import { createVault, parseKeyring } from '../../src/vault.ts';
import type { Stage } from './stage.ts';

/** An account as consent leaves it: the sealed credential of an owner at the emulated Google. */
export async function addGoogleAccount(
  stage: Stage,
): Promise<{ accountId: string; email: string }> {
  const { tenantId, emulators, database } = stage;
  const email = `${randomUUID().slice(0, 8)}@example.com`;
  const path = `/control/google/accounts/${email}`;
  const { status, text } = await emulators.send({ method: 'PUT', path, body: {} });
  if (status >= 300) throw new Error(`The emulated Google made no account: ${text}`);
  const { refreshToken } = JSON.parse(text) as { refreshToken: string };
  const accountId = randomUUID();
  const credential = {
    kind: 'oauth',
    refreshToken,
    accessToken: 'none-yet',
    expiresAt: new Date(0).toISOString(),
    scopes: [],
  };
  const vault = createVault(parseKeyring(stage.keyring));
  const sealed = vault.seal([tenantId, 'account', accountId], JSON.stringify(credential));
  await database.prisma.account.create({
    data: {
      tenantId,
      id: accountId,
      channel: 'google',
      subject: email,
      credential: new Uint8Array(sealed),
    },
  });
  return { accountId, email };
}

export async function addCalendar(
  { emulators }: Stage,
  calendar: { id: string; email: string },
): Promise<void> {
  const { status, text } = await emulators.send({
    method: 'PUT',
    path: calendarPath(calendar.id),
    body: { owner: calendar.email, summary: 'Room', timeZone: 'Europe/Paris' },
  });
  if (status >= 300) throw new Error(`The emulated Google made no calendar: ${text}`);
}

export const calendarPath = (id: string): string =>
  `/control/google/calendars/${encodeURIComponent(id)}`;
