import { z } from 'zod';
import { LINK_KINDS } from '../../store/links.ts';
import {
  Amount,
  answerSchemas,
  CurrencyOut,
  Id,
  Instant,
  InstantOut,
  Money,
  pageOf,
  requestSchemas,
} from './common.ts';

const MAX_SESSION_MS = 31 * 86_400_000;
const MAX_AT_ONCE = 200;

const Places = z.int().min(1).max(10_000);

const NewSession = z
  .strictObject({
    startAt: Instant,
    endAt: Instant,
    capacity: Places.describe('Places that are sold.'),
    price: Money.nullable()
      .default(null)
      .describe("For each place; the resource's price when left out."),
  })
  .refine((one) => one.startAt < one.endAt, { error: 'must be after startAt', path: ['endAt'] })
  .refine((one) => Date.parse(one.endAt) - Date.parse(one.startAt) <= MAX_SESSION_MS, {
    error: 'must be at most 31 days after startAt',
    path: ['endAt'],
  });

export const NewSessions = z
  .strictObject({
    sessions: z
      .array(NewSession)
      .min(1)
      .max(MAX_AT_ONCE)
      .describe('One, or all of a recurring set; they may overlap each other.'),
  })
  .register(requestSchemas, { id: 'NewSessions' });

export const SessionPatch = z
  .strictObject({ capacity: Places.describe('Not below what is taken.') })
  .register(requestSchemas, { id: 'SessionPatch' });

export const Session = z
  .object({
    id: z.string(),
    resourceId: z.string(),
    startAt: InstantOut,
    endAt: InstantOut,
    capacity: z.int(),
    placesLeft: z.int().describe('Holds that are over count as taken until they are ended.'),
    price: z
      .object({ amountMinor: Amount, currency: CurrencyOut })
      .nullable()
      .describe("For each place; null has the resource's."),
    createdAt: InstantOut,
    cancelledAt: InstantOut.nullable(),
  })
  .register(answerSchemas, { id: 'Session' });
export const SessionPage = pageOf(Session, 'SessionPage');
export const SessionList = z
  .object({ sessions: z.array(Session) })
  .register(answerSchemas, { id: 'SessionList' });

export const NewLink = z
  .strictObject({
    linkedId: Id.describe('The other resource.'),
    kind: z
      .enum(LINK_KINDS)
      .describe(
        '`part`: this one is the whole and takes every unit of the part, and its outside time and blocks take the part. `need`: a booking of this one takes units of the other as well, which knows nothing of it.',
      ),
    units: z
      .int()
      .min(1)
      .max(500)
      .nullable()
      .default(null)
      .describe('Of the other, for each booking; null is all of them. Only for `need`.'),
  })
  .refine((link) => link.kind === 'need' || link.units === null, {
    error: 'must be null: a whole takes all of its parts',
    path: ['units'],
  })
  .register(requestSchemas, { id: 'NewLink' });

export const Link = z
  .object({
    resourceId: z.string(),
    linkedId: z.string(),
    kind: z.enum(LINK_KINDS),
    units: z.int().nullable(),
    createdAt: InstantOut,
  })
  .register(answerSchemas, { id: 'Link' });
export const LinkList = z
  .object({ links: z.array(Link) })
  .register(answerSchemas, { id: 'LinkList' });
