import type { Route } from './route.ts';
import { accountRoutes } from './routes/accounts.ts';
import { availabilityRoute } from './routes/availability.ts';
import { blockRoutes } from './routes/blocks.ts';
import { bookingChangeRoutes } from './routes/booking-changes.ts';
import { bookingVerbRoutes } from './routes/booking-verbs.ts';
import { bookingRoutes } from './routes/bookings.ts';
import { cancellationRoutes } from './routes/cancellations.ts';
import { channelEventRoute } from './routes/channel-events.ts';
import { conflictRoutes } from './routes/conflicts.ts';
import { connectionVerbRoutes } from './routes/connection-verbs.ts';
import { connectionHistoryRoutes } from './routes/connection-history.ts';
import { connectionRepairRoutes } from './routes/connection-repair.ts';
import { connectionRoutes } from './routes/connections.ts';
import { customerRoutes } from './routes/customer.ts';
import { feedRoutes } from './routes/feeds.ts';
import { guestRoutes } from './routes/guests.ts';
import { healthRoutes } from './routes/health.ts';
import { journalRoute } from './routes/journal.ts';
import { linkRoutes } from './routes/links.ts';
import { mirrorRoutes } from './routes/mirrors.ts';
import { notificationRoute } from './routes/notifications.ts';
import { oauthRoutes } from './routes/oauth.ts';
import { paymentLinkRoute } from './routes/payment-links.ts';
import { paymentRoutes } from './routes/payments.ts';
import { publishedFeedRoute } from './routes/published-feed.ts';
import { refundRoutes } from './routes/refunds.ts';
import { rescheduleRoutes } from './routes/reschedules.ts';
import { resourceRoutes } from './routes/resources.ts';
import { sessionRoutes } from './routes/sessions.ts';

/** Every route, the busiest first: Express looks from the top. */
export const ROUTES: readonly Route[] = [
  availabilityRoute,
  notificationRoute,
  ...bookingRoutes,
  ...bookingChangeRoutes,
  ...guestRoutes,
  ...bookingVerbRoutes,
  ...cancellationRoutes,
  ...rescheduleRoutes,
  ...customerRoutes,
  ...conflictRoutes,
  ...resourceRoutes,
  ...sessionRoutes,
  ...linkRoutes,
  ...blockRoutes,
  ...accountRoutes,
  ...oauthRoutes,
  ...connectionRoutes,
  ...connectionVerbRoutes,
  ...connectionRepairRoutes,
  ...connectionHistoryRoutes,
  channelEventRoute,
  ...mirrorRoutes,
  ...feedRoutes,
  publishedFeedRoute,
  journalRoute,
  ...paymentRoutes,
  paymentLinkRoute,
  ...refundRoutes,
  ...healthRoutes,
];
