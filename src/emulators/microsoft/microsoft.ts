import express from 'express';
import type { Router } from 'express';
import type { Accounts } from '../accounts.ts';
import type { Host } from '../host.ts';
import { createOutgoing } from '../outgoing.ts';
import type { Outgoing } from '../outgoing.ts';
import { createMicrosoftAccounts } from './accounts.ts';
import { createAuthorizePage } from './authorize-page.ts';
import { createCalendarRoutes } from './calendar-routes.ts';
import { createCalendarStore } from './calendar-store.ts';
import type { CalendarStore } from './calendar-store.ts';
import { createMicrosoftControl } from './control.ts';
import { GraphError, answerError, scriptedErrorBody } from './errors.ts';
import { createEventRoutes } from './event-routes.ts';
import { createLimiter } from './limiter.ts';
import type { Limiter } from './limiter.ts';
import { createNotifications } from './notifications.ts';
import type { Notifications } from './notifications.ts';
import { createSubscriptionRoutes } from './subscription-routes.ts';
import { createSubscriptions } from './subscriptions.ts';
import type { Subscriptions } from './subscriptions.ts';
import { declareMicrosoftSwitches } from './switches.ts';
import type { MicrosoftSwitches } from './switches.ts';
import { createTokenEndpoint, tokenError } from './token-endpoint.ts';
import { createTransactions } from './transactions.ts';
import type { Transactions } from './transactions.ts';

export interface MicrosoftParts {
  host: Host;
  switches: MicrosoftSwitches;
  accounts: Accounts;
  store: CalendarStore;
  transactions: Transactions;
  subscriptions: Subscriptions;
  notifications: Notifications;
  outgoing: Outgoing;
  limiter: Limiter;
}

/**
 * Microsoft Graph v1.0's calendars and the identity platform's OAuth 2.0, as their public documentation
 * gives them. Not emulated: batch requests, calendar groups, invitations and answers to them,
 * attachments, open extensions, rich notifications.
 */
export function createMicrosoft(host: Host): { router: Router; control: Router } {
  const parts = createParts(host);
  const { accounts, limiter, switches } = parts;
  const router = express.Router();
  const exchange = host.exchange({ host: 'microsoft', errorBody: oauthError });
  router.use(createTokenEndpoint({ accounts, switches, exchange }));
  router.use(createAuthorizePage({ accounts, switches, exchange }));
  const api = express.Router();
  api.use(limiter.count);
  api.use(...host.exchange({ host: 'microsoft', errorBody: scriptedErrorBody }));
  api.use(limiter.gate);
  api.use(createSubscriptionRoutes(parts));
  for (const person of ['/me', '/users/:user']) {
    api.use(person, createEventRoutes(parts), createCalendarRoutes(parts));
  }
  api.use(() => {
    throw new GraphError(404, 'ResourceNotFound', {
      message: 'Resource not found for the segment.',
    });
  });
  api.use(answerError);
  router.use('/v1.0', api);
  return { router, control: createMicrosoftControl(parts) };
}

function createParts(host: Host): MicrosoftParts {
  const switches = declareMicrosoftSwitches(host);
  const accounts = createMicrosoftAccounts(host);
  const store = createCalendarStore(host, switches);
  const transactions = createTransactions(host);
  const subscriptions = createSubscriptions(host);
  const outgoing = createOutgoing(host);
  const notifications = createNotifications({ host, subscriptions, switches, outgoing }, store);
  const limiter = createLimiter({ host, accounts, switches });
  const calendars = { store, transactions, subscriptions, notifications };
  return { ...calendars, host, switches, accounts, outgoing, limiter };
}

/** What the token endpoint says with a scripted status. */
function oauthError(status: number): unknown {
  if (status === 429) return tokenError('temporarily_unavailable', 90055, 'Too many requests.');
  if (status >= 500) return tokenError('server_error', 90033, 'A transient error has occurred.');
  return tokenError('invalid_grant', 70008, 'The refresh token has expired or was revoked.');
}
