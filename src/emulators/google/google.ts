import express from 'express';
import type { Router } from 'express';
import type { Host } from '../host.ts';
import { createGoogleAccounts } from './accounts.ts';
import type { Accounts } from '../accounts.ts';
import { createCalendarRoutes } from './calendar-routes.ts';
import { createCalendarStore } from './calendar-store.ts';
import type { CalendarStore } from './calendar-store.ts';
import { createChannels } from './channels.ts';
import type { Channels } from './channels.ts';
import { createConsentPage } from './consent-page.ts';
import { createGoogleControl } from './control.ts';
import { createErrorAnswer, notFound, scriptedErrorBody } from './errors.ts';
import { createEventRoutes } from './event-routes.ts';
import { createNotifications } from './notifications.ts';
import type { Notifications } from './notifications.ts';
import { declareGoogleSwitches } from './switches.ts';
import type { GoogleSwitches } from './switches.ts';
import { createTokenEndpoint } from './token-endpoint.ts';

export interface GoogleParts {
  host: Host;
  switches: GoogleSwitches;
  accounts: Accounts;
  store: CalendarStore;
  channels: Channels;
  notifications: Notifications;
}

/**
 * Google Calendar v3 and Google's OAuth 2.0, as their public documentation gives them. Not emulated:
 * `singleEvents=true`, batch requests, quotas (script them as faults), ACLs, settings, colours, moves,
 * imports and quick-add.
 */
export function createGoogle(host: Host): { router: Router; control: Router } {
  const switches = declareGoogleSwitches(host);
  const accounts = createGoogleAccounts(host);
  const store = createCalendarStore(host, switches);
  const channels = createChannels(host, switches);
  const notifications = createNotifications({ host, channels, switches }, store);
  const parts: GoogleParts = { host, switches, accounts, store, channels, notifications };

  const oauthExchange = host.exchange({ host: 'google', errorBody: oauthError });
  const router = express.Router({ caseSensitive: true });
  router.use(createTokenEndpoint(accounts, switches, oauthExchange));
  router.use(createConsentPage(accounts, switches, oauthExchange));
  const api = express.Router({ caseSensitive: true });
  api.use(...host.exchange({ host: 'google', errorBody: scriptedErrorBody }));
  api.use(createEventRoutes(parts));
  api.use(createCalendarRoutes(parts));
  api.use(() => {
    throw notFound();
  });
  api.use(createErrorAnswer(switches));
  router.use('/calendar/v3', api);
  return { router, control: createGoogleControl(parts) };
}

/** What the token endpoint says with a scripted status. Source: RFC 6749 §5.2. */
function oauthError(status: number): unknown {
  if (status >= 500) return { error: 'internal_failure' };
  return { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' };
}
