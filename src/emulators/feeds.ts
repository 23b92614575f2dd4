import express from 'express';
import type { Request, Response, Router } from 'express';
import { answerFeed, USUAL_MANNER } from './feed-answer.ts';
import type { FeedManner } from './feed-answer.ts';
import { composeCalendar, FEED_STYLES, STYLES } from './feed-calendar.ts';
import type { FeedEvent, FeedStyle } from './feed-calendar.ts';
import type { Collection } from './collection.ts';
import type { Host } from './host.ts';

/** A feed is a text that somebody put there, or a style with the entries of its owner. */
type Feed = {
  name: string;
  /** What `?s=` must be; empty: anybody may read. */
  secret: string;
  bodyBase64?: string;
  style?: FeedStyle;
  events: FeedEvent[];
  headers: Record<string, string>;
  manner: Partial<FeedManner>;
  version: number;
  changedAt: number;
};

/** iCalendar feeds at `/feeds/<name>.ics?s=SECRET`, edited at `/control/feeds/<name>`. */
export function createFeeds(host: Host): { router: Router; control: Router } {
  const feeds = host.collection<Feed>('feeds');
  const router = express.Router();
  router.use('/feeds', host.exchange({ host: 'feeds' }));
  router.get('/feeds/:file', async (req, res) => {
    const feed = feeds.get(req.params.file.replace(/\.ics$/, ''));
    const allowed = feed?.secret === '' || feed?.secret === req.query['s'];
    if (feed === undefined || !allowed) {
      res.status(404).type('text/plain').send('Not found\n');
      return;
    }
    await answerFeed(req, res, {
      body: bodyOf(feed),
      version: String(feed.version),
      changedAt: feed.changedAt,
      headers: feed.headers,
      manner: mannerOf(feed),
    });
  });
  const control = express.Router();
  // Any text may be put as it is: curl names it a form unless told otherwise.
  control.use(express.raw({ type: () => true, limit: '64mb' }));
  feedRoutes(control, host, feeds);
  eventRoutes(control, host, feeds);
  return { router, control };
}

function bodyOf(feed: Feed): Buffer {
  if (feed.style === undefined) return Buffer.from(feed.bodyBase64 ?? '', 'base64');
  return Buffer.from(composeCalendar(feed.style, feed.events, Date.now()));
}

/** Sites stamp each fetch, so their validators help nobody unless a test says otherwise. */
function mannerOf(feed: Feed): FeedManner {
  const validators = feed.style === undefined ? 'strong' : 'none';
  return { ...USUAL_MANNER, validators, ...feed.manner };
}

function feedRoutes(control: Router, host: Host, feeds: Collection<Feed>): void {
  control.put('/:name', (req, res) => {
    const { name } = req.params;
    const wanted = wantedOf(req);
    const wrong = complaintOf(wanted);
    if (wrong !== undefined) return refuse(res, 400, wrong);
    const known = feeds.get(name) ?? emptyFeed(name);
    const { body, bodyBase64, style, events, secret, headers, manner } = wanted;
    const text = typeof body === 'string' ? Buffer.from(body).toString('base64') : bodyBase64;
    const { bodyBase64: _text, style: _style, ...rest } = known;
    const keptStyle = style ?? known.style;
    const feed: Feed = {
      ...rest,
      ...(text !== undefined || keptStyle === undefined
        ? { bodyBase64: text ?? known.bodyBase64 ?? '' }
        : { style: keptStyle }),
      events: events?.map((event) => withUid(keptStyle ?? 'airbnb', event)) ?? known.events,
      secret: secret ?? known.secret,
      headers: headers ?? known.headers,
      manner: { ...known.manner, ...manner },
    };
    return res.json(edited(host, feeds, feed));
  });
  control.patch('/:name/manner', (req, res) => {
    const feed = feeds.get(req.params.name);
    if (feed === undefined) return refuse(res, 404, unknownFeed(req.params.name));
    const manner = (req.body ?? {}) as Partial<FeedManner>;
    const wrong = mannerComplaint(manner);
    if (wrong !== undefined) return refuse(res, 400, wrong);
    const next = { ...feed, manner: { ...feed.manner, ...manner } };
    feeds.set(feed.name, next);
    return res.json({ manner: mannerOf(next) });
  });
  control.get('/', (_req, res) => {
    res.json({ feeds: [...feeds.values()].map(view) });
  });
  control.get('/:name', (req, res) => {
    const feed = feeds.get(req.params.name);
    if (feed === undefined) return refuse(res, 404, unknownFeed(req.params.name));
    return res.json({ ...view(feed), events: feed.events, body: bodyOf(feed).toString('utf8') });
  });
  control.delete('/:name', (req, res) => {
    feeds.delete(req.params.name);
    res.json({ removed: req.params.name });
  });
}

/** Edits as the owner makes them in the site's own calendar. */
function eventRoutes(control: Router, host: Host, feeds: Collection<Feed>): void {
  control.post('/:name/events', (req, res) => {
    const feed = feeds.get(req.params.name);
    if (feed?.style === undefined) return refuse(res, 404, unknownStyle(req.params.name));
    const wanted = (req.body ?? {}) as Partial<FeedEvent>;
    const wrong = eventComplaint(wanted);
    if (wrong !== undefined) return refuse(res, 400, wrong);
    const event = withUid(feed.style, wanted as NewFeedEvent);
    const next = { ...feed, events: [...feed.events.filter((e) => e.uid !== event.uid), event] };
    return res.status(201).json({ ...edited(host, feeds, next), event });
  });
  control.patch('/:name/events/:uid', (req, res) => {
    const feed = feeds.get(req.params.name);
    const known = feed?.events.find((event) => event.uid === req.params.uid);
    if (feed?.style === undefined || known === undefined) return noEvent(req, res);
    const changed: FeedEvent = { ...known, ...(req.body as Partial<FeedEvent>) };
    const wrong = eventComplaint(changed);
    if (wrong !== undefined) return refuse(res, 400, wrong);
    const { keepsUid, newUid } = STYLES[feed.style];
    const event = { ...changed, uid: keepsUid ? known.uid : newUid(changed.kind) };
    const events = feed.events.map((each) => (each === known ? event : each));
    return res.json({ ...edited(host, feeds, { ...feed, events }), event });
  });
  control.delete('/:name/events/:uid', (req, res) => {
    const feed = feeds.get(req.params.name);
    const events = feed?.events.filter((event) => event.uid !== req.params.uid) ?? [];
    if (feed === undefined || events.length === feed.events.length) return noEvent(req, res);
    return res.json(edited(host, feeds, { ...feed, events }));
  });
  // What happens overnight to the blocks of a booking window: same dates, other UIDs.
  control.post('/:name/renew-uids', (req, res) => {
    const feed = feeds.get(req.params.name);
    if (feed?.style === undefined) return refuse(res, 404, unknownStyle(req.params.name));
    const { newUid } = STYLES[feed.style];
    const { kind } = (req.body ?? {}) as { kind?: FeedEvent['kind'] };
    const events = feed.events.map((event) =>
      kind === undefined || event.kind === kind ? { ...event, uid: newUid(event.kind) } : event,
    );
    return res.json({ ...edited(host, feeds, { ...feed, events }), events });
  });
}

/** As posted: without a kind it is a reservation, without a UID it gets one. */
type NewFeedEvent = Omit<FeedEvent, 'kind' | 'uid'> & Partial<FeedEvent>;

type Wanted = Partial<Pick<Feed, 'secret' | 'bodyBase64' | 'style' | 'headers' | 'manner'>> & {
  body?: string;
  events?: NewFeedEvent[];
};
const KNOWN = ['body', 'bodyBase64', 'style', 'events', 'secret', 'headers', 'manner'];

function wantedOf(req: Request): Wanted {
  if (Buffer.isBuffer(req.body)) return { bodyBase64: req.body.toString('base64') };
  return (req.body ?? {}) as Wanted;
}

function complaintOf(wanted: Wanted): string | undefined {
  const unknown = Object.keys(wanted).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) return `A feed has no "${unknown}". Known: ${KNOWN.join(', ')}.`;
  if (wanted.style !== undefined && !FEED_STYLES.includes(wanted.style)) {
    return `A feed's "style" is one of: ${FEED_STYLES.join(', ')}.`;
  }
  const texts = [wanted.body, wanted.bodyBase64].filter((text) => text !== undefined);
  if (texts.length + (wanted.style === undefined ? 0 : 1) > 1) {
    return 'Give a feed one of "body", "bodyBase64" and "style".';
  }
  const wrongEvent = wanted.events?.map(eventComplaint).find((wrong) => wrong !== undefined);
  return wrongEvent ?? mannerComplaint(wanted.manner ?? {});
}

function mannerComplaint(manner: Record<string, unknown>): string | undefined {
  for (const [name, value] of Object.entries(manner)) {
    const usual = (USUAL_MANNER as Record<string, unknown>)[name];
    if (usual === undefined) {
      return `A manner has no "${name}". Known: ${Object.keys(USUAL_MANNER).join(', ')}.`;
    }
    if (typeof value !== typeof usual) return `A manner's "${name}" is a ${typeof usual}.`;
  }
  return undefined;
}

function eventComplaint({ start, end, kind }: Partial<FeedEvent>): string | undefined {
  const times = [start, end].map((text) => Date.parse(text ?? ''));
  if (times.some(Number.isNaN)) {
    return 'An event has "start" and "end": dates (2026-12-01) or instants with offset.';
  }
  if (times[1]! <= times[0]!) return 'An event ends after it starts; the end is exclusive.';
  if (kind === undefined || kind === 'reservation' || kind === 'block') return undefined;
  return 'An event\'s "kind" is reservation or block.';
}

function withUid(style: FeedStyle, event: NewFeedEvent): FeedEvent {
  const { kind = 'reservation', uid } = event;
  return { ...event, kind, uid: uid ?? STYLES[style].newUid(kind) };
}

function emptyFeed(name: string): Feed {
  return { name, secret: '', events: [], headers: {}, manner: {}, version: 0, changedAt: 0 };
}

/** Keeps an edit; the instant in the answer is when readers can first see it. */
function edited(host: Host, feeds: Collection<Feed>, feed: Feed): Record<string, unknown> {
  const changedAt = Date.now();
  const next = { ...feed, version: feed.version + 1, changedAt };
  feeds.set(feed.name, next);
  host.effect('feeds', 'edited', { feed: feed.name, version: next.version });
  return { at: new Date(changedAt).toISOString(), ...view(next) };
}

function view(feed: Feed): Record<string, unknown> {
  const { name, secret, style, version, headers } = feed;
  const query = secret === '' ? '' : `?s=${encodeURIComponent(secret)}`;
  const path = `/feeds/${encodeURIComponent(name)}.ics${query}`;
  return { name, path, style: style ?? null, version, headers, manner: mannerOf(feed) };
}

function refuse(res: Response, status: number, error: string): Response {
  return res.status(status).json({ error });
}

function unknownFeed(name: string): string {
  return `No feed is called ${name}; PUT it first, GET /control/feeds lists them.`;
}

function unknownStyle(name: string): string {
  return `No feed ${name} is composed from events; PUT it with a "style" first.`;
}

function noEvent(req: Request, res: Response): Response {
  const { name, uid } = req.params;
  return refuse(res, 404, `Feed ${String(name)} has no event ${String(uid)}; GET the feed to see.`);
}
