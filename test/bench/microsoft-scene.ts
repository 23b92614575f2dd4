import { randomUUID } from 'node:crypto';
import { createVault, parseKeyring } from '../../src/vault.ts';
import type { Stage } from './stage.ts';

/** A mailbox of the emulated Microsoft 365, as consent leaves it. */
export async function addMicrosoftAccount(
  stage: Stage,
): Promise<{ accountId: string; calendarId: string }> {
  const { database, tenantId, emulators, keyring } = stage;
  const email = `${randomUUID().slice(0, 8)}@example.com`;
  const { refreshToken, calendarId } = await emulators.ask<{
    refreshToken: string;
    calendarId: string;
  }>({ method: 'PUT', path: `/control/microsoft/accounts/${email}`, body: {} }, 200);
  const accountId = randomUUID();
  const credential = {
    kind: 'oauth',
    refreshToken,
    accessToken: 'none-yet',
    expiresAt: new Date(0).toISOString(),
    scopes: [],
  };
  const vault = createVault(parseKeyring(keyring));
  const sealed = vault.seal([tenantId, 'account', accountId], JSON.stringify(credential));
  await database.prisma.account.create({
    data: {
      tenantId,
      id: accountId,
      channel: 'microsoft',
      subject: email,
      credential: new Uint8Array(sealed),
    },
  });
  return { accountId, calendarId };
}
