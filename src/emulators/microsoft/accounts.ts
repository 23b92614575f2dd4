import { createHash } from 'node:crypto';
import { createAccounts } from '../accounts.ts';
import type { Accounts } from '../accounts.ts';
import type { Host } from '../host.ts';

/** What a grant made by the control API is good for. */
export const defaultScopes = ['offline_access', 'User.Read', 'Calendars.ReadWrite'];

/** Microsoft's people and grants. Tokens are opaque texts, as Microsoft asks clients to treat them. */
export function createMicrosoftAccounts(host: Host): Accounts {
  return createAccounts(host, {
    name: 'microsoft',
    refreshToken: { prefix: '0.AX', length: 120 },
    accessToken: { prefix: 'EwB', length: 160 },
    code: { prefix: 'M.C5', length: 60 },
  });
}

export const tenantId = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** The object id of a person: a GUID made of the address, the same in every run. */
export function userIdOf(email: string): string {
  const hex = createHash('sha256').update(email.toLowerCase()).digest('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`];
  return [...parts, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}
