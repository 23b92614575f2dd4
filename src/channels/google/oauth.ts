import type { OAuthService } from '../oauth.ts';
import type { GoogleSettings } from './client.ts';

/**
 * The least that does the work (Calendar API guide "Choose scopes"): events of any calendar the
 * person may open, read, written and watched, and the list to choose one from. `calendar.readonly`
 * cannot write; `calendar` could also share and delete whole calendars. `openid` tells accounts
 * apart without asking for a name or an address.
 */
const EVENTS = 'https://www.googleapis.com/auth/calendar.events';
const LIST = 'https://www.googleapis.com/auth/calendar.calendarlist.readonly';

export const googleOAuth = (settings: GoogleSettings): OAuthService => ({
  settings,
  scopes: ['openid', EVENTS, LIST],
  needed: {
    [EVENTS]: 'to see and change events of your calendars',
    [LIST]: 'to see the list of your calendars',
  },
  // Without `prompt=consent` Google gives no refresh token a second time.
  consent: { access_type: 'offline', prompt: 'consent' },
  tokenForm: {},
  needsPerson: ['invalid_grant'],
  nameOfScope: (scope) => scope,
});
