/**
 * `holdfast/client`: what a backend service imports. Commands go through the HTTP API, so keys,
 * scopes and every check hold (docs/decisions/0001). Ids are made, answers typed, refusals thrown as
 * `HoldfastError`, and calls repeated where that is safe.
 */
import type { Ask, BookingSearch, Once, Page, PageQuery } from './holdfast-client/calls.ts';
import { keyed, pathOf } from './holdfast-client/calls.ts';
import type * as follow from './holdfast-client/follow.ts';
import { followBooking, followConnection } from './holdfast-client/follow.ts';
import { request } from './holdfast-client/request.ts';
import type { SessionVerbs } from './holdfast-client/sessions.ts';
import { sessionVerbs } from './holdfast-client/sessions.ts';
import type * as t from './holdfast-client/types.ts';

export type { BookingSearch, Once, Page, PageQuery } from './holdfast-client/calls.ts';
export { HoldfastError } from './holdfast-client/error.ts';
export type { ErrorType } from './holdfast-client/error.ts';
export type {
  FollowedBooking,
  FollowedConnection,
  TemporalClient,
} from './holdfast-client/follow.ts';
export type * from './holdfast-client/types.ts';

export interface HoldfastClientOptions {
  /** Origin of the API, such as `http://127.0.0.1:8400`. */
  apiUrl: string;
  /** `hf_<key id>_<secret>`; its scopes decide what the client may do. */
  apiKey: string;
  /** How long a call may take, its repetitions included; 30,000 unless told. */
  timeoutMs?: number;
  /** To follow workflows: a client on Holdfast's Temporal namespace. */
  temporal?: { client: follow.TemporalClient };
}

export interface HoldfastClient {
  resources: {
    create(resource: t.NewResource, once?: Once): Promise<t.Resource>;
    list(page?: PageQuery): Promise<Page<t.Resource>>;
    get(resourceId: string): Promise<t.Resource>;
    change(resourceId: string, patch: t.ResourcePatch): Promise<t.Resource>;
    archive(resourceId: string): Promise<void>;
    /** What is free, and how fresh that is. */
    availability(resourceId: string, query: t.AvailabilityQuery): Promise<t.Availability>;
    block(resourceId: string, block: t.NewBlock, once?: Once): Promise<t.Block>;
    blocks(
      resourceId: string,
      page?: PageQuery & { from?: string; to?: string },
    ): Promise<Page<t.Block>>;
    unblock(resourceId: string, blockId: string): Promise<void>;
    /** A villa and its rooms, a treatment and what it needs. */
    link(resourceId: string, link: t.NewLink, once?: Once): Promise<t.Link>;
    links(resourceId: string): Promise<t.Link[]>;
    unlink(resourceId: string, linkedId: string): Promise<void>;
  };
  sessions: SessionVerbs;
  /** Feeds that we publish of a resource, one per subscriber. */
  feeds: {
    create(resourceId: string, feed: t.NewFeed, once?: Once): Promise<t.Feed>;
    list(resourceId: string, page?: PageQuery): Promise<Page<t.Feed>>;
    change(resourceId: string, feedId: string, patch: t.FeedPatch): Promise<t.Feed>;
    /** A new address; the one before ends at once. */
    rotate(resourceId: string, feedId: string): Promise<t.Feed>;
    revoke(resourceId: string, feedId: string): Promise<void>;
  };
  bookings: {
    /**
     * Answers with the hold; with `waitSeconds` (at most 30) with the outcome: read `state`. One key
     * is one booking for ever, so a new attempt after a decline needs a new one.
     */
    create(booking: t.NewBooking, options?: Once & { waitSeconds?: number }): Promise<t.Booking>;
    /** All that is given must hold; `from` and `to` find what overlaps them. */
    list(query?: PageQuery & BookingSearch): Promise<Page<t.Booking>>;
    get(bookingId: string): Promise<t.BookingInFull>;
    /** What a cancellation costs now; confirm its id at `cancel`. */
    quoteCancellation(bookingId: string, once?: Once): Promise<t.CancellationQuote>;
    cancel(bookingId: string, cancellation?: t.Cancellation, once?: Once): Promise<t.Booking>;
    /** Whether it can have another time, and what that costs; confirm its id at `reschedule`. */
    quoteReschedule(
      bookingId: string,
      time: t.NewRescheduleQuote,
      once?: Once,
    ): Promise<t.RescheduleQuote>;
    /** `payment.clientSecret` is there while the difference waits for its payer. */
    reschedule(bookingId: string, reschedule: t.Reschedule, once?: Once): Promise<t.Booking>;
    /** Opens this one booking for its customer, at `/v1/customer/booking`. */
    customerToken(bookingId: string, token?: t.NewCustomerToken): Promise<t.CustomerToken>;
    /** Says that an `external` payment was made. */
    confirm(bookingId: string, confirmation: t.Confirmation): Promise<t.Booking>;
    /** Makes a hold longer, by its resource's rule. */
    extend(bookingId: string, once?: Once): Promise<t.Booking>;
    /** Decides about one of the booking's `attentions`; needs the scope `admin`. */
    resolve(bookingId: string, resolving: t.Resolving): Promise<t.Booking>;
    /** Gives a part of what was paid back; needs the scope `payments:write`. */
    refund(bookingId: string, refund: t.NewRefund, once?: Once): Promise<t.RefundList>;
    refunds(bookingId: string): Promise<t.RefundList>;
    /** What was paid, and what is still to be collected. */
    payments(bookingId: string): Promise<t.BookingPayments>;
    eraseGuest(bookingId: string): Promise<void>;
    /** Erases the guest of every booking with this customer reference. */
    eraseCustomer(reference: string): Promise<t.ErasedGuests>;
    /** Its workflow; needs `temporal`. */
    follow(booking: t.Booking): follow.FollowedBooking;
  };
  accounts: {
    create(account: t.NewAccount, once?: Once): Promise<t.Account>;
    /** Where to send the owner of the calendars. */
    authorize(channel: t.Connection['channel'], accountId?: string): Promise<t.Authorization>;
    list(page?: PageQuery): Promise<Page<t.Account>>;
    get(accountId: string): Promise<t.Account>;
    /** A new password or address, proven before it is kept. */
    change(accountId: string, patch: t.AccountPatch): Promise<t.Account>;
    calendars(accountId: string): Promise<t.Calendar[]>;
  };
  paymentAccounts: {
    create(account: t.NewPaymentAccount, once?: Once): Promise<t.PaymentAccount>;
    list(page?: PageQuery): Promise<Page<t.PaymentAccount>>;
    change(paymentAccountId: string, patch: t.PaymentAccountPatch): Promise<t.PaymentAccount>;
  };
  /** Outside events over bookings of ours. */
  conflicts: {
    list(
      query?: PageQuery & {
        state?: t.Conflict['state'];
        resourceId?: string;
        connectionId?: string;
        bookingId?: string;
      },
    ): Promise<Page<t.Conflict>>;
    get(conflictId: string): Promise<t.Conflict>;
    /** Who keeps the time; needs the scope `admin`. */
    decide(conflictId: string, decision: t.ConflictDecision): Promise<t.Conflict>;
    /** Up to 100 alike, each for itself. */
    decideMany(decisions: t.ConflictDecisions): Promise<t.ConflictsDecided>;
  };
  /** Every change, in order. Keep `next` and go on from there. */
  journal: {
    read(page?: PageQuery): Promise<Page<t.JournalEntry>>;
  };
  connections: {
    create(connection: t.NewConnection, once?: Once): Promise<t.Connection>;
    list(query?: PageQuery & { resourceId?: string }): Promise<Page<t.Connection>>;
    get(connectionId: string): Promise<t.ConnectionInFull>;
    change(connectionId: string, patch: t.ConnectionPatch): Promise<t.Connection>;
    /** `asOf`: as they were known then. */
    events(
      connectionId: string,
      query?: PageQuery & { asOf?: string },
    ): Promise<Page<t.ChannelEvent>>;
    /** What changed its copy, newest first, and what each changed. */
    passes(connectionId: string, page?: PageQuery): Promise<Page<t.Pass>>;
    changesOf(
      connectionId: string,
      position: number | string,
      page?: PageQuery,
    ): Promise<Page<t.PassChange>>;
    /** Our bookings, holds and blocks as they stand there. */
    mirrors(connectionId: string, page?: PageQuery): Promise<Page<t.Mirror>>;
    restoreMirror(connectionId: string, mirrorId: string): Promise<void>;
    pause(connectionId: string): Promise<t.Connection>;
    resume(connectionId: string): Promise<t.Connection>;
    syncNow(connectionId: string): Promise<t.PulledConnection>;
    resync(connectionId: string, options?: t.Resync): Promise<t.Connection>;
    acceptRemovals(connectionId: string): Promise<t.Connection>;
    refuseRemovals(connectionId: string): Promise<t.Connection>;
    /** Sets the copy back to a past moment and pauses; needs the scope `admin`. */
    restore(connectionId: string, to: t.Restore): Promise<t.Connection>;
    disconnect(connectionId: string): Promise<t.Connection>;
    /** Its workflow; needs `temporal`. */
    follow(connection: t.Connection): follow.FollowedConnection;
  };
}

const TIMEOUT_MS = 30_000;

export function createHoldfastClient(options: HoldfastClientOptions): HoldfastClient {
  const { apiUrl, apiKey, timeoutMs = TIMEOUT_MS } = options;
  const ask: Ask = (method, path, more) =>
    request({ apiUrl, apiKey, timeoutMs }, { method, path, ...more });
  const temporal = options.temporal?.client;
  return {
    resources: resourceVerbs(ask),
    sessions: sessionVerbs(ask),
    feeds: feedVerbs(ask),
    bookings: { ...bookingVerbs(ask), follow: (booking) => followBooking(temporal, booking) },
    accounts: accountVerbs(ask),
    paymentAccounts: {
      create: (account, once) => ask('POST', '/payment-accounts', keyed(account, once)),
      list: (query) => ask('GET', '/payment-accounts', { query }),
      change: (id, body) => ask('PATCH', pathOf('payment-accounts', id), { body }),
    },
    conflicts: {
      list: (query) => ask('GET', '/conflicts', { query }),
      get: (id) => ask('GET', pathOf('conflicts', id)),
      decide: (id, body) => ask('POST', pathOf('conflicts', id, 'decide'), { body }),
      decideMany: (body) => ask('POST', '/conflicts/decide', { body }),
    },
    journal: { read: (query) => ask('GET', '/journal', { query }) },
    connections: {
      ...connectionVerbs(ask),
      follow: (connection) => followConnection(temporal, connection),
    },
  };
}

function resourceVerbs(ask: Ask): HoldfastClient['resources'] {
  const at = (...ids: string[]) => pathOf('resources', ...ids);
  return {
    create: (resource, once) => ask('POST', at(), keyed(resource, once)),
    list: (query) => ask('GET', at(), { query }),
    get: (id) => ask('GET', at(id)),
    change: (id, body) => ask('PATCH', at(id), { body }),
    archive: (id) => ask('DELETE', at(id)),
    availability: (id, query) => ask('GET', at(id, 'availability'), { query }),
    block: (id, block, once) => ask('POST', at(id, 'blocks'), keyed(block, once)),
    blocks: (id, query) => ask('GET', at(id, 'blocks'), { query }),
    unblock: (id, blockId) => ask('DELETE', at(id, 'blocks', blockId)),
    link: (id, link, once) => ask('POST', at(id, 'links'), keyed(link, once)),
    links: async (id) => (await ask<{ links: t.Link[] }>('GET', at(id, 'links'))).links,
    unlink: (id, linkedId) => ask('DELETE', at(id, 'links', linkedId)),
  };
}

function feedVerbs(ask: Ask): HoldfastClient['feeds'] {
  const at = (...[id, ...rest]: string[]) => pathOf('resources', id!, 'feeds', ...rest);
  return {
    create: (id, feed, once) => ask('POST', at(id), keyed(feed, once)),
    list: (id, query) => ask('GET', at(id), { query }),
    change: (id, feedId, body) => ask('PATCH', at(id, feedId), { body }),
    rotate: (id, feedId) => ask('POST', at(id, feedId, 'rotate'), { body: {} }),
    revoke: (id, feedId) => ask('DELETE', at(id, feedId)),
  };
}

function bookingVerbs(ask: Ask): Omit<HoldfastClient['bookings'], 'follow'> {
  const at = (...ids: string[]) => pathOf('bookings', ...ids);
  return {
    create: (booking, { waitSeconds, ...once } = {}) =>
      ask('POST', at(), { ...keyed(booking, once), waitSeconds }),
    list: (query) => ask('GET', at(), { query }),
    get: (id) => ask('GET', at(id)),
    quoteCancellation: (id, once) => ask('POST', at(id, 'cancellation-quotes'), keyed({}, once)),
    cancel: (id, cancellation = {}, once = {}) =>
      ask('POST', at(id, 'cancel'), keyed(cancellation, once)),
    customerToken: (id, token = {}) => ask('POST', at(id, 'customer-token'), { body: token }),
    quoteReschedule: (id, time, once) =>
      ask('POST', at(id, 'reschedule-quotes'), keyed(time, once)),
    reschedule: (id, reschedule, once) =>
      ask('POST', at(id, 'reschedule'), keyed(reschedule, once)),
    confirm: (id, body) => ask('POST', at(id, 'confirm'), { body }),
    extend: (id, once) => ask('POST', at(id, 'extend'), keyed({}, once)),
    resolve: (id, body) => ask('POST', at(id, 'resolve'), { body }),
    refund: (id, refund, once) => ask('POST', at(id, 'refunds'), keyed(refund, once)),
    refunds: (id) => ask('GET', at(id, 'refunds')),
    payments: (id) => ask('GET', at(id, 'payments')),
    eraseGuest: (id) => ask('DELETE', at(id, 'guest')),
    eraseCustomer: (reference) => ask('POST', pathOf('guest-erasures'), { body: { reference } }),
  };
}

function accountVerbs(ask: Ask): HoldfastClient['accounts'] {
  const at = (...ids: string[]) => pathOf('accounts', ...ids);
  return {
    create: (account, once) => ask('POST', at(), keyed(account, once)),
    authorize: (channel, accountId) =>
      ask('POST', pathOf('oauth', channel, 'authorize'), { body: accountId ? { accountId } : {} }),
    list: (query) => ask('GET', at(), { query }),
    get: (id) => ask('GET', at(id)),
    change: (id, body) => ask('PATCH', at(id), { body }),
    calendars: async (id) => (await ask<{ items: t.Calendar[] }>('GET', at(id, 'calendars'))).items,
  };
}

function connectionVerbs(ask: Ask): Omit<HoldfastClient['connections'], 'follow'> {
  const at = (...ids: string[]) => pathOf('connections', ...ids);
  const steer = (id: string, verb: string, body: unknown = {}) =>
    ask<t.Connection>('POST', at(id, verb), { body });
  return {
    create: (connection, once) => ask('POST', at(), keyed(connection, once)),
    list: (query) => ask('GET', at(), { query }),
    get: (id) => ask('GET', at(id)),
    change: (id, body) => ask('PATCH', at(id), { body }),
    events: (id, query) => ask('GET', at(id, 'events'), { query }),
    passes: (id, query) => ask('GET', at(id, 'passes'), { query }),
    changesOf: (id, position, query) =>
      ask('GET', at(id, 'passes', String(position), 'changes'), { query }),
    mirrors: (id, query) => ask('GET', at(id, 'mirrors'), { query }),
    restoreMirror: (id, mirrorId) =>
      ask('POST', at(id, 'mirrors', mirrorId, 'restore'), { body: {} }),
    pause: (id) => steer(id, 'pause'),
    resume: (id) => steer(id, 'resume'),
    syncNow: (id) => ask('POST', at(id, 'sync-now'), { body: {} }),
    resync: (id, options) => steer(id, 'resync', options),
    acceptRemovals: (id) => steer(id, 'accept-removals'),
    refuseRemovals: (id) => steer(id, 'refuse-removals'),
    restore: (id, to) => steer(id, 'restore', to),
    disconnect: (id) => steer(id, 'disconnect'),
  };
}
