import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { closedDays } from '../../domain/closed-days.ts';
import type { Interval } from '../../domain/interval.ts';
import { nightRulesOf } from '../../domain/nights.ts';
import { nightsOf, publishedEntries, type PublishedEntry } from '../../domain/published.ts';
import { keepServing } from '../../store/echoes.ts';
import type { FeedToServe } from '../../store/feed-contents.ts';
import { feedToServe } from '../../store/feed-contents.ts';
import type { ApiDependencies, PublishedEvent } from '../dependencies.ts';
import { matchesEtag } from '../etag.ts';
import { notFound } from '../problem.ts';
import { route } from '../route.ts';
import { tokenHashOf } from './feeds.ts';

const DAY_MS = 86_400_000;
const PAST_MS = DAY_MS;
/** Platforms take bookings up to two years ahead. */
const HORIZON_MS = 730 * DAY_MS;

/** No subscriber's clock stands in the contents: what has not changed is the same bytes. */
const STAMPED_AT = Date.UTC(2026, 0, 1);

export const publishedFeedRoute = route({
  method: 'get',
  path: '/v1/feeds/{file}',
  id: 'readFeed',
  tag: 'Published feeds',
  summary: 'A published feed, for its subscriber',
  about: 'iCalendar (RFC 5545). The secret address is the key; nothing in it tells who comes.',
  scopes: null,
  params: z.strictObject({ file: z.string().max(100) }),
  headers: { 'If-None-Match': 'The ETag of the answer before; 304 when nothing changed.' },
  answer: { status: 200, about: 'The feed.', schema: null, type: 'text/calendar' },
  alsoAnswers: { 304: 'Nothing changed.' },
  problems: ['not-found'],
  async handle({ params, header }, deps) {
    const token = /^([A-Za-z0-9_-]{43})\.ics$/.exec(params.file)?.[1];
    const feed =
      token === undefined
        ? null
        : await feedToServe(deps.database.pool, {
            tokenHash: tokenHashOf(token),
            pastMs: PAST_MS,
            horizonMs: HORIZON_MS,
          });
    if (!feed) throw notFound('feed');
    const { yearsFromAt: startAt, yearsToAt: endAt } = feed;
    const always = { startAt, endAt };
    const closed = feed.closedBy
      .flatMap((by) => closedDays(by, { within: always, zones: deps.zones }))
      .filter((one) => one.endAt > feed.fromAt);
    const entries = publishedEntries(feed.sources, { ...feed, closed, always }).map((entry) =>
      said(feed, entry, deps),
    );
    const text = deps.composeFeed({ events: entries, stampedAt: STAMPED_AT });
    const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
    await keepServing(deps.database.pool, feed, { etag, served: entries.map((one) => one.served) });
    const headers = { etag, 'cache-control': 'private, no-cache', vary: 'accept-encoding' };
    if (matchesEtag(header('if-none-match'), etag)) return { status: 304, headers };
    const zipped = /\bgzip\b/.test(header('accept-encoding') ?? '');
    return {
      headers: { ...headers, ...(zipped ? { 'content-encoding': 'gzip' } : {}) },
      text: {
        type: 'text/calendar; charset=utf-8',
        content: zipped ? gzipSync(text) : text,
      },
    };
  },
});

type Said = PublishedEvent & { served: Interval };

/** An entry as this subscriber is told it, and the time that it is thereby told is taken. */
function said(feed: FeedToServe, entry: PublishedEntry, { zones }: ApiDependencies): Said {
  const uid = `${createHash('sha256').update(`${feed.feedId}/${entry.key}`).digest('hex').slice(0, 40)}@holdfast`;
  const summary = summaryOf(feed, entry.key);
  const { startAt, endAt } = entry;
  if (feed.platform === 'other') return { uid, summary, span: entry, served: { startAt, endAt } };
  const localOf = (at: number) =>
    new Date(zones.toWall(at, feed.timeZone) * 1_000).toISOString().slice(0, 19);
  const nights = nightRulesOf(feed.settings);
  const span = nightsOf(entry, { localOf, dayAfter }, nights ?? undefined);
  const midnight = (day: string) => zones.instantOf({ kind: 'date', date: day }, feed.timeZone);
  const served = { startAt: midnight(span.from), endAt: midnight(span.until) };
  return { uid, summary, span, served };
}

const dayAfter = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

const BOOKING = 'booking/';

function summaryOf({ shows }: FeedToServe, key: string): string {
  if (!key.startsWith(BOOKING)) return 'Not available';
  return shows === 'reference' ? `Booking ${key.slice(BOOKING.length)}` : 'Reserved';
}
