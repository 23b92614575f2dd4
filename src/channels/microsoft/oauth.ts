import type { OAuthService } from '../oauth.ts';
import type { MicrosoftSettings } from './client.ts';

/**
 * The least that does the work: the person's own calendars, read, written and watched, and a token
 * that lasts. `openid` tells accounts apart without asking for a name or an address.
 */
const BASE_SCOPES = ['openid', 'offline_access', 'Calendars.ReadWrite'];
const SHARED_SCOPE = 'Calendars.ReadWrite.Shared';

/** Microsoft identity platform, "authorization code flow"; refresh tokens rotate there. */
export function microsoftOAuth(settings: MicrosoftSettings): OAuthService {
  const { sharedCalendars } = settings;
  const scopes = sharedCalendars ? [...BASE_SCOPES, SHARED_SCOPE] : BASE_SCOPES;
  return {
    settings,
    scopes,
    needed: {
      'Calendars.ReadWrite': 'to see and change events of your calendars',
      ...(sharedCalendars && {
        [SHARED_SCOPE]: 'to see and change calendars that others share with you',
      }),
    },
    // The account is chosen anew, or a browser that is signed in answers with whoever was there last.
    consent: { response_mode: 'query', prompt: 'select_account' },
    tokenForm: { scope: scopes.join(' ') },
    needsPerson: ['invalid_grant', 'interaction_required', 'consent_required', 'login_required'],
    // They come back bare or under the resource's address, and in any case.
    nameOfScope: (scope) => scope.split('/').at(-1)!.toLowerCase(),
  };
}
