import { z } from 'zod';
import {
  CONNECTION_STATUSES,
  DEFAULT_CONNECTION_SETTINGS,
  PULLS,
  PUSH_REFUSALS,
} from '../../domain/connection.ts';
import { MIRROR_ATTENTIONS, OUTSIDE_EDITS } from '../../domain/mirror.ts';
import { answerSchemas, Channel, Id, InstantOut, pageOf, requestSchemas } from './common.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const countsAs = z.enum(['busy', 'free']);
const settings = {
  takes: z
    .enum(['resource', 'unit'])
    .describe(
      'What an outside event takes where the connection names no unit: everything, or any one unit.',
    ),
  tentative: countsAs,
  outOfOffice: countsAs,
  workingElsewhere: countsAs,
  free: countsAs.describe('Entries that the channel itself shows as free.'),
  priority: z
    .int()
    .min(0)
    .max(1_000)
    .describe(
      "Of its events, where one lies over a booking of ours and the resource's rule is `by-key`: the higher one keeps the time.",
    ),
  mirror: z.enum(['none', 'busy', 'reference']),
  mirrorHolds: z.boolean().describe('Writes holds there too, as tentative.'),
  outsideEdits: z
    .enum(OUTSIDE_EDITS)
    .describe(
      'When somebody changes our event there: `restore` writes it again; `follow` cancels the booking whose event was removed, and asks a person about one that was moved.',
    ),
  removeOnDisconnect: z
    .boolean()
    .describe('Takes what we wrote out of the calendar when the connection ends.'),
  pollMinMs: z
    .int()
    .min(MINUTE_MS)
    .max(DAY_MS)
    .describe('Where the channel does not push: the least time between polls.'),
  pollMaxMs: z
    .int()
    .min(MINUTE_MS)
    .max(DAY_MS)
    .describe('The longest. In between, polls follow how often the calendar changes.'),
  safetyPollIntervalMs: z.int().min(MINUTE_MS).max(DAY_MS),
};
const defaults = DEFAULT_CONNECTION_SETTINGS;
const POLL_BOUNDS = {
  path: ['pollMaxMs'],
  message: `must not be less than \`pollMinMs\`; they are ${defaults.pollMinMs} and ${defaults.pollMaxMs} unless told`,
};

export const NewConnection = z
  .strictObject({
    resourceId: Id,
    unit: z.int().min(1).max(500).nullable().default(null),
    accountId: Id,
    calendarId: z.string().min(1).max(1_024),
    settings: z
      .strictObject({
        takes: settings.takes.default(defaults.takes),
        priority: settings.priority.default(defaults.priority),
        tentative: settings.tentative.default(defaults.tentative),
        outOfOffice: settings.outOfOffice.default(defaults.outOfOffice),
        workingElsewhere: settings.workingElsewhere.default(defaults.workingElsewhere),
        free: settings.free.default(defaults.free),
        mirror: settings.mirror.default(defaults.mirror),
        mirrorHolds: settings.mirrorHolds.default(defaults.mirrorHolds),
        outsideEdits: settings.outsideEdits.default(defaults.outsideEdits),
        removeOnDisconnect: settings.removeOnDisconnect.default(defaults.removeOnDisconnect),
        pollMinMs: settings.pollMinMs.default(defaults.pollMinMs),
        pollMaxMs: settings.pollMaxMs.default(defaults.pollMaxMs),
        safetyPollIntervalMs: settings.safetyPollIntervalMs.default(defaults.safetyPollIntervalMs),
      })
      .refine((one) => one.pollMinMs <= one.pollMaxMs, POLL_BOUNDS)
      .prefault({}),
  })
  .register(requestSchemas, { id: 'NewConnection' });

export const ConnectionPatch = z
  .strictObject({
    unit: z
      .int()
      .min(1)
      .max(500)
      .nullable()
      .optional()
      .describe('Which unit the calendar speaks of from now on; null is the whole resource.'),
    settings: z.strictObject(settings).partial().default({}),
  })
  .register(requestSchemas, { id: 'ConnectionPatch' });

export const Disconnection = z
  .strictObject({
    removeMirrors: z
      .boolean()
      .optional()
      .describe('Takes what we wrote out of the calendar; by the settings when left out.'),
  })
  .register(requestSchemas, { id: 'Disconnection' });

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
  delivery: z.enum(['push', 'poll']).describe('How changes at the channel come here now.'),
  pushRefused: z
    .enum(PUSH_REFUSALS)
    .nullable()
    .describe(
      'Why it is polled: this service has no public address, the channel never pushes, or it does not for this calendar. Null where it pushes, or is about to be asked.',
    ),
  lookIntervalMs: z.int().describe('Time between two looks in any case; follows the calendar.'),
  lookHeldBack: z
    .enum(['account-budget'])
    .nullable()
    .describe("Set where the account's calendars together are polled as often as is allowed."),
  freshness: Freshness,
  cursorVersion: z.int(),
  generation: z.int(),
  createdAt: InstantOut,
  links: z.object({
    self: z.string(),
    events: z.string(),
    mirrors: z.string(),
    workflowId: z.string(),
  }),
};

export const Connection = z.object(connectionFields).register(answerSchemas, { id: 'Connection' });
/** `pulled` is what became of the look that was asked for. */
export const PulledConnection = z
  .object({
    ...connectionFields,
    pulled: z
      .enum(PULLS)
      .describe(
        '`done`: a look that began after this call has ended. `limited`: there were enough just now. `waiting`: it goes on. `skipped`: the connection is paused.',
      ),
  })
  .register(answerSchemas, { id: 'PulledConnection' });
export const ConnectionPage = pageOf(Connection, 'ConnectionPage');

export const ConnectionInFull = z
  .object({
    ...connectionFields,
    calendarName: z.string().nullable().describe('As the channel listed it last.'),
    readOnlySince: InstantOut.nullable().describe(
      'Set where our bookings can no longer be written there: the right to do so is gone.',
    ),
    counts: z.object({
      events: z.int(),
      withheld: z.int(),
      busySpans: z.int(),
      mirrorsBehind: z.int(),
      conflicts: z
        .int()
        .describe('Bookings of ours that its events lie over, undecided or in the making.'),
      conflictsInMass: z
        .int()
        .describe('Of these, so many at once that a person has to look: a mistake, most likely.'),
      mirrorsInQuestion: z.int().describe('Events of ours that a person has to look at.'),
    }),
    mirrorsWaiting: z
      .array(z.object({ reason: z.enum(MIRROR_ATTENTIONS), count: z.int(), advice: z.string() }))
      .describe(
        'Why events of ours there wait for a person, and what to do; `links.mirrors` with `attention=true` lists them.',
      ),
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
      .enum(['busy', 'none', 'withheld', 'mirror', 'echo', 'suspected-copy'])
      .describe(
        'What it does to availability. An `echo` blocks too: its platform says only what it was served by us. So does a `suspected-copy`, which takes exactly the time of a booking of ours that is mirrored.',
      ),
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
