import { z } from 'zod';
import { FEED_PLATFORMS } from '../../domain/published.ts';
import { answerSchemas, Id, InstantOut, pageOf, requestSchemas } from './common.ts';

const subscriber = z.string().trim().min(1).max(80).describe('Your own name for who reads it.');
const shows = z
  .enum(['busy', 'reference'])
  .describe('Whether an entry of a booking names the booking id; never a guest.');
const connectionIds = z
  .array(Id)
  .max(20)
  .refine((ids) => new Set(ids).size === ids.length, 'must not name one twice')
  .describe(
    'The connections by which you read what this subscriber says. What came by them is left out of the feed, and what comes back by them is known as an echo.',
  );

export const NewFeed = z
  .strictObject({
    subscriber,
    platform: z
      .enum(FEED_PLATFORMS)
      .default('other')
      .describe('The rental platforms get whole nights; `other` gets exact times.'),
    unit: z.int().min(1).max(500).nullable().default(null),
    shows: shows.default('busy'),
    connectionIds: connectionIds.default([]),
  })
  .register(requestSchemas, { id: 'NewFeed' });

export const FeedPatch = z
  .strictObject({
    subscriber: subscriber.optional(),
    shows: shows.optional(),
    connectionIds: connectionIds.optional(),
  })
  .register(requestSchemas, { id: 'FeedPatch' });

export const Feed = z
  .object({
    id: z.string(),
    resourceId: z.string(),
    unit: z.int().nullable(),
    subscriber: z.string(),
    platform: z.enum(FEED_PLATFORMS),
    shows: z.enum(['busy', 'reference']),
    connectionIds: z.array(z.string()),
    url: z.string().describe('Secret: whoever has it can read the feed. Rotate it if it leaks.'),
    createdAt: InstantOut,
    rotatedAt: InstantOut.nullable(),
  })
  .register(answerSchemas, { id: 'Feed' });
export const FeedPage = pageOf(Feed, 'FeedPage');
