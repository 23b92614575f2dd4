import { z } from 'zod';
import { CONNECTION_STATUSES, DEFAULT_CONNECTION_SETTINGS } from '../../domain/connection.ts';
import { answerSchemas, Channel, Id, InstantOut, pageOf, requestSchemas } from './common.ts';

export const NewAccount = z
  .discriminatedUnion('channel', [
    z.strictObject({ channel: z.literal('ical'), url: z.string().min(1).max(4_096) }),
  ])
  .register(requestSchemas, { id: 'NewAccount' });

export const Account = z
  .object({
    id: z.string(),
    channel: Channel,
    subject: z.string().nullable().describe("The channel's own id of the account, where it tells."),
    state: z.enum(['active', 'needs-reauthorization']),
    createdAt: InstantOut,
  })
  .register(answerSchemas, { id: 'Account' });
export const AccountPage = pageOf(Account, 'AccountPage');

export const ListedCalendars = z
  .object({
    items: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        timeZone: z.string(),
        push: z.boolean(),
        write: z.boolean(),
        primary: z.boolean(),
      }),
    ),
  })
  .register(answerSchemas, { id: 'ListedCalendars' });

export const NewAuthorization = z
  .strictObject({
    accountId: Id.optional().describe(
      'Authorizes this account again; a new one is made when left out.',
    ),
  })
  .register(requestSchemas, { id: 'NewAuthorization' });

export const Authorization = z
  .object({ authorizationUrl: z.string(), expiresAt: InstantOut })
  .register(answerSchemas, { id: 'Authorization' });

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const settings = {
  tentative: z.enum(['busy', 'free']),
  mirror: z.enum(['none', 'busy', 'reference']),
  pollIntervalMs: z.int().min(MINUTE_MS).max(DAY_MS),
  safetyPollIntervalMs: z.int().min(MINUTE_MS).max(DAY_MS),
};
const defaults = DEFAULT_CONNECTION_SETTINGS;

export const NewConnection = z
  .strictObject({
    resourceId: Id,
    unit: z.int().min(1).max(500).nullable().default(null),
    accountId: Id,
    calendarId: z.string().min(1).max(1_024),
    settings: z
      .strictObject({
        tentative: settings.tentative.default(defaults.tentative),
        mirror: settings.mirror.default(defaults.mirror),
        pollIntervalMs: settings.pollIntervalMs.default(defaults.pollIntervalMs),
        safetyPollIntervalMs: settings.safetyPollIntervalMs.default(defaults.safetyPollIntervalMs),
      })
      .prefault({}),
  })
  .register(requestSchemas, { id: 'NewConnection' });

export const ConnectionPatch = z
  .strictObject({ settings: z.strictObject(settings).partial() })
  .register(requestSchemas, { id: 'ConnectionPatch' });

export const Resync = z
  .strictObject({
    acceptRemovals: z
      .boolean()
      .default(false)
      .describe('Believes the removals that the deletion guard held back.'),
  })
  .register(requestSchemas, { id: 'Resync' });

export const Freshness = z
  .object({
    confirmedAt: InstantOut.nullable(),
    boundMs: z.int(),
    holds: z.boolean(),
  })
  .register(answerSchemas, { id: 'Freshness' });

const connectionFields = {
  id: z.string(),
  resourceId: z.string(),
  unit: z.int().nullable(),
  accountId: z.string(),
  channel: Channel,
  calendarId: z.string(),
  timeZone: z.string(),
  settings: z.object(settings),
  writable: z.boolean(),
  status: z.enum(CONNECTION_STATUSES),
  since: InstantOut,
  reason: z.string().nullable(),
  advice: z.string(),
  freshness: Freshness,
  cursorVersion: z.int(),
  generation: z.int(),
  createdAt: InstantOut,
  links: z.object({ self: z.string(), events: z.string(), workflowId: z.string() }),
};

export const Connection = z.object(connectionFields).register(answerSchemas, { id: 'Connection' });
export const ConnectionPage = pageOf(Connection, 'ConnectionPage');

export const ConnectionInFull = z
  .object({
    ...connectionFields,
    counts: z.object({
      events: z.int(),
      withheld: z.int(),
      busySpans: z.int(),
      mirrorsBehind: z.int(),
    }),
  })
  .register(answerSchemas, { id: 'ConnectionInFull' });

export const ChannelEvent = z
  .object({
    id: z.string(),
    resourceId: z.string(),
    connectionId: z.string(),
    channel: Channel,
    nativeId: z.string(),
    feedPosition: z.int().describe("Version of the feed's position that brought it."),
    startAt: InstantOut.nullable(),
    endAt: InstantOut.nullable(),
    timeZone: z.string().nullable(),
    allDay: z.boolean(),
    recurring: z.boolean(),
    status: z.enum(['confirmed', 'tentative', 'cancelled']),
    transparency: z.enum(['opaque', 'transparent']),
    effect: z
      .enum(['busy', 'none', 'withheld', 'mirror'])
      .describe('What it does to availability.'),
    withheldReason: z.string().nullable(),
    visibleAt: InstantOut,
    latency: z.object({
      fromChangeMs: z
        .int()
        .nullable()
        .describe("From the channel's own time of change; null where it does not tell."),
      fromNotificationMs: z.int().nullable(),
    }),
  })
  .register(answerSchemas, { id: 'ChannelEvent' });
export const ChannelEventPage = pageOf(ChannelEvent, 'ChannelEventPage');
