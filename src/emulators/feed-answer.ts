import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { Request, Response } from 'express';

/** How one feed is served; every field is a switch of that feed. */
export type FeedManner = {
  validators: 'strong' | 'weak' | 'etag-only' | 'last-modified-only' | 'none';
  /** Answers 200 in full whatever the request's conditions say. */
  ignoresConditionals: boolean;
  encoding: 'identity' | 'gzip' | 'gzip-unasked';
  /** No Content-Length. */
  chunked: boolean;
  /** `clean`: half the text in a complete answer; `connection`: the connection ends half-way. */
  truncated: 'none' | 'clean' | 'connection';
  contentType: string;
  redirectTo: string;
  redirectStatus: number;
  redirectLoop: boolean;
  /** The text is followed by padding up to this many bytes, before any encoding. */
  padToBytes: number;
  /** Sends 64 bytes, waits this long, and so on; 0 sends at once. */
  trickleMs: number;
  delayMs: number;
  status: number;
};

export const USUAL_MANNER: FeedManner = {
  validators: 'strong',
  ignoresConditionals: false,
  encoding: 'identity',
  chunked: false,
  truncated: 'none',
  contentType: 'text/calendar; charset=utf-8',
  redirectTo: '',
  redirectStatus: 302,
  redirectLoop: false,
  padToBytes: 0,
  trickleMs: 0,
  delayMs: 0,
  status: 200,
};

export type Served = {
  body: Buffer;
  /** Changes with every edit. */
  version: string;
  changedAt: number;
  headers: Record<string, string>;
  manner: FeedManner;
};

/** Answers one fetch of a feed (RFC 9110 §13 for the conditions). */
export async function answerFeed(req: Request, res: Response, served: Served): Promise<void> {
  const { manner } = served;
  if (manner.delayMs > 0) await sleep(manner.delayMs);
  if (res.destroyed) return;
  if (manner.redirectLoop || manner.redirectTo !== '') {
    // A loop that is not the same address each time, as badly set up proxies make them.
    const turn = Number(req.query['turn'] ?? 0) + 1;
    const query = new URLSearchParams(req.originalUrl.split('?')[1] ?? '');
    query.set('turn', String(turn));
    const self = `${req.originalUrl.split('?', 1)[0]}?${query.toString()}`;
    res.status(manner.redirectStatus).location(manner.redirectLoop ? self : manner.redirectTo);
    res.end();
    return;
  }
  setValidators(res, served);
  res.set(served.headers);
  if (manner.status !== 200) {
    res.status(manner.status).type('text/plain').end(`Status ${manner.status}\n`);
    return;
  }
  if (!manner.ignoresConditionals && unchanged(req, res)) {
    res.status(304).end();
    return;
  }
  if (!res.hasHeader('content-type')) res.setHeader('content-type', manner.contentType);
  await sendBody(req, res, served);
}

function setValidators(res: Response, { body, version, changedAt, manner }: Served): void {
  const { validators } = manner;
  if (validators === 'strong' || validators === 'etag-only') {
    const digest = createHash('sha256').update(body).digest('base64url').slice(0, 27);
    res.set('ETag', `"${digest}"`);
  } else if (validators === 'weak') {
    res.set('ETag', `W/"${version}"`);
  }
  if (validators !== 'none' && validators !== 'etag-only') {
    res.set('Last-Modified', new Date(changedAt).toUTCString());
  }
}

/** If-None-Match decides alone where it is given (RFC 9110 §13.2.2). */
function unchanged(req: Request, res: Response): boolean {
  const etag = res.get('etag');
  const match = req.get('if-none-match');
  if (match !== undefined) {
    if (etag === undefined) return false;
    const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
    return match.trim() === '*' || match.split(',').map(opaque).includes(opaque(etag));
  }
  const modifiedAt = res.get('last-modified');
  const since = Date.parse(req.get('if-modified-since') ?? '');
  return modifiedAt !== undefined && !Number.isNaN(since) && Date.parse(modifiedAt) <= since;
}

async function sendBody(req: Request, res: Response, { body, manner }: Served): Promise<void> {
  const whole = manner.truncated === 'clean' ? body.subarray(0, body.length >> 1) : body;
  const wantsGzip =
    manner.encoding === 'gzip-unasked' ||
    (manner.encoding === 'gzip' && req.acceptsEncodings('gzip') === 'gzip');
  const totalBytes = Math.max(whole.length, manner.padToBytes);
  if (manner.encoding === 'gzip') res.vary('Accept-Encoding');
  if (wantsGzip) res.set('Content-Encoding', 'gzip');
  else if (!manner.chunked) res.set('Content-Length', String(totalBytes));
  if (req.method === 'HEAD') return void res.end();
  if (manner.truncated === 'connection') {
    res.write(body.subarray(0, body.length >> 1), () => res.destroy());
    return;
  }
  const pieces = Readable.from(piecesOf(whole, totalBytes, manner.trickleMs));
  try {
    await (wantsGzip ? pipeline(pieces, createGzip(), res) : pipeline(pieces, res));
  } catch {
    // The client went away in the middle, which is what a limit on size or time looks like here.
    res.destroy();
  }
}

const PADDING = Buffer.from(`X-PADDING:${'x'.repeat(60)}\r\n`.repeat(1000));

async function* piecesOf(
  body: Buffer,
  totalBytes: number,
  trickleMs: number,
): AsyncGenerator<Buffer> {
  if (trickleMs === 0) {
    yield body;
  } else {
    for (let start = 0; start < body.length; start += 64) {
      yield body.subarray(start, start + 64);
      await sleep(trickleMs);
    }
  }
  for (let sent = body.length; sent < totalBytes; sent += PADDING.length) {
    yield PADDING.subarray(0, totalBytes - sent);
    if (trickleMs > 0) await sleep(trickleMs);
  }
}
