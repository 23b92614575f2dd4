import { createAccounts } from '../accounts.ts';
import type { Accounts } from '../accounts.ts';
import type { Host } from '../host.ts';

export const calendarScope = 'https://www.googleapis.com/auth/calendar';

/** Google's people and grants, with tokens that look like Google's. */
export function createGoogleAccounts(host: Host): Accounts {
  return createAccounts(host, {
    name: 'google',
    refreshToken: { prefix: '1//0', length: 99 },
    accessToken: { prefix: 'ya29.a0', length: 160 },
    code: { prefix: '4/0A', length: 69 },
  });
}
