import type { QueryDefinition } from '@temporalio/common';
import type { z } from 'zod';
import type * as account from '../../src/api/schemas/account.ts';
import type * as availability from '../../src/api/schemas/availability.ts';
import type * as booking from '../../src/api/schemas/booking.ts';
import type * as search from '../../src/api/schemas/booking-search.ts';
import type * as change from '../../src/api/schemas/change.ts';
import type * as conflict from '../../src/api/schemas/conflict.ts';
import type * as connection from '../../src/api/schemas/connection.ts';
import type * as customer from '../../src/api/schemas/customer.ts';
import type * as feed from '../../src/api/schemas/feed.ts';
import type * as history from '../../src/api/schemas/history.ts';
import type * as journal from '../../src/api/schemas/journal.ts';
import type * as mirror from '../../src/api/schemas/mirror.ts';
import type * as money from '../../src/api/schemas/money.ts';
import type * as resource from '../../src/api/schemas/resource.ts';
import type * as session from '../../src/api/schemas/session.ts';
import type { ProblemName } from '../../src/api/problem.ts';
import type * as bookingRun from '../contracts/booking.ts';
import type * as connectionRun from '../contracts/connection.ts';

/*
 What requests and answers hold, read off the schemas that check them. `Plain` spells them out, so
 that the published declarations need neither zod nor the API's source.
*/
type Plain<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? Plain<Item>[]
      : { [K in keyof T]: Plain<T[K]> };
type Given<S extends z.ZodType> = Plain<z.input<S>>;
type Told<S extends z.ZodType> = Plain<z.output<S>>;

export type NewResource = Given<typeof resource.NewResource>;
export type ResourcePatch = Given<typeof resource.ResourcePatch>;
export type Resource = Told<typeof resource.Resource>;
export type NewBlock = Given<typeof resource.NewBlock>;
export type Block = Told<typeof resource.Block>;

export type NewSessions = Given<typeof session.NewSessions>;
export type SessionPatch = Given<typeof session.SessionPatch>;
export type Session = Told<typeof session.Session>;
export type NewLink = Given<typeof session.NewLink>;
export type Link = Told<typeof session.Link>;

export type NewFeed = Given<typeof feed.NewFeed>;
export type FeedPatch = Given<typeof feed.FeedPatch>;
export type Feed = Told<typeof feed.Feed>;

type Asked = z.output<typeof availability.AvailabilityQuery>;
export type AvailabilityQuery = Plain<
  Pick<Asked, 'from' | 'to'> & Partial<Omit<Asked, 'from' | 'to'>>
>;
export type Availability = Told<typeof availability.Availability>;

export type NewBooking = Given<typeof booking.NewBooking>;
export type Booking = Told<typeof booking.Booking>;
export type BookingInFull = Told<typeof booking.BookingInFull>;
export type Cancellation = Given<typeof change.Cancellation>;
export type CancellationQuote = Told<typeof change.CancellationQuote>;
export type NewRescheduleQuote = Given<typeof change.NewRescheduleQuote>;
export type RescheduleQuote = Told<typeof change.RescheduleQuote>;
export type Reschedule = Given<typeof change.Reschedule>;
export type NewCustomerToken = Given<typeof customer.NewCustomerToken>;
export type CustomerToken = Told<typeof customer.CustomerToken>;
export type ErasedGuests = Told<typeof search.ErasedGuests>;
export type Confirmation = Given<typeof booking.Confirmation>;
export type NewRefund = Given<typeof money.NewRefund>;
export type RefundList = Told<typeof money.RefundList>;
export type BookingPayments = Told<typeof money.BookingPayments>;
export type Resolving = Given<typeof booking.Resolving>;

export type Conflict = Told<typeof conflict.Conflict>;
export type ConflictDecision = Given<typeof conflict.ConflictDecision>;
export type ConflictDecisions = Given<typeof conflict.ConflictDecisions>;
export type ConflictsDecided = Told<typeof conflict.ConflictsDecided>;

export type NewPaymentAccount = Given<typeof booking.NewPaymentAccount>;
export type PaymentAccountPatch = Given<typeof booking.PaymentAccountPatch>;
export type PaymentAccount = Told<typeof booking.PaymentAccount>;
export type JournalEntry = Told<typeof journal.JournalPage>['items'][number];

export type NewAccount = Given<typeof account.NewAccount>;
export type Account = Told<typeof account.Account>;
export type Authorization = Told<typeof account.Authorization>;
export type Calendar = Told<typeof account.ListedCalendars>['items'][number];
export type NewConnection = Given<typeof connection.NewConnection>;
export type ConnectionPatch = Given<typeof connection.ConnectionPatch>;
export type Resync = Given<typeof connection.Resync>;
export type Connection = Told<typeof connection.Connection>;
export type PulledConnection = Told<typeof connection.PulledConnection>;
export type ConnectionInFull = Told<typeof connection.ConnectionInFull>;
export type ChannelEvent = Told<typeof connection.ChannelEvent>;

/** The names of problems, RFC 9457 `type` without its `/problems/`. */
export type Problem = Plain<ProblemName>;

type Asks<Q> = Q extends QueryDefinition<infer Answer> ? Answer : never;
export type BookingRun = Plain<Asks<typeof bookingRun.bookingStatusQuery>>;
export type BookingOutcome = Plain<bookingRun.BookingOutcome>;
export type ConnectionRun = Plain<Asks<typeof connectionRun.statusQuery>>;

export type AccountPatch = Given<typeof account.AccountPatch>;
export type Restore = Given<typeof history.Restore>;
export type Pass = Told<typeof history.Pass>;
export type PassChange = Told<typeof history.PassChange>;
export type Mirror = Told<typeof mirror.Mirror>;
