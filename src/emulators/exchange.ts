import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import type { Request, RequestHandler, Response } from 'express';
import type { Fault, FaultBook } from './faults.ts';
import type { Holds } from './holds.ts';
import { recordedBody, recordedBodyLimitBytes, recordedHeaders } from './record.ts';
import type { ActivityRecord } from './record.ts';

interface ExchangeParts {
  record: ActivityRecord;
  faults: FaultBook;
  holds: Holds;
}

export interface ExchangeOptions {
  host: string;
  /** The host's own error body for a scripted status that names none. */
  errorBody?: (status: number) => unknown;
}

/** What every call to an emulated host goes through: body as bytes, the record, scripted faults. */
export function exchangeHandlers(parts: ExchangeParts, options: ExchangeOptions): RequestHandler[] {
  return [
    express.raw({ type: () => true, limit: '32mb' }),
    async (req, res, next) => {
      const fault = parts.faults.take({
        host: options.host,
        method: req.method,
        path: pathOf(req),
        pathWithQuery: req.originalUrl,
      });
      watchAnswer({ req, res, fault }, parts, options.host);
      if (fault === undefined) return next();
      res.locals['fault'] = fault;
      await beforehand(fault, res, parts.holds);
      if (res.destroyed || res.writableEnded) return;
      for (const [name, value] of Object.entries(fault.headers ?? {})) res.setHeader(name, value);
      if (fault.stored === true || !scriptsAnswer(fault)) return next();
      answerScripted(fault, res, options.errorBody);
    },
  ];
}

/** The request's body as it came; empty when there was none. */
export function rawBody(req: Request): Buffer {
  return Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
}

/** The fault that met this call, for hosts that carry out `stored` faults themselves. */
export function scriptedFault(res: Response): Fault | undefined {
  return res.locals['fault'] as Fault | undefined;
}

function pathOf(req: Request): string {
  return req.originalUrl.split('?', 1)[0]!;
}

function scriptsAnswer(fault: Fault): boolean {
  return fault.status !== undefined || fault.body !== undefined;
}

async function beforehand(fault: Fault, res: Response, holds: Holds): Promise<void> {
  if (fault.delayMs !== undefined) await sleep(fault.delayMs);
  if (fault.hold !== undefined && fault.holdAt !== 'after') await holds.wait(fault.hold);
  if (fault.drop === 'before') res.destroy();
}

function answerScripted(
  fault: Fault,
  res: Response,
  errorBody: ExchangeOptions['errorBody'],
): void {
  const status = fault.status ?? 200;
  const body = fault.body ?? errorBody?.(status);
  res.status(status);
  if (body === undefined) res.end();
  else if (typeof body === 'string') res.send(body);
  else res.json(body);
}

type Watched = { req: Request; res: Response; fault: Fault | undefined };

/** Writes the call into the record before its answer leaves, and treats the answer as the fault says. */
function watchAnswer({ req, res, fault }: Watched, parts: ExchangeParts, host: string): void {
  const late = fault !== undefined && holdsBackAnswer(fault);
  const chunks: Buffer[] = [];
  let totalBytes = 0;
  let recorded = false;
  const keep = (chunk: unknown) => {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
    const bytes = Buffer.from(chunk as string);
    if (late || totalBytes <= recordedBodyLimitBytes) chunks.push(bytes);
    totalBytes += bytes.length;
  };
  const enter = (status: number) => {
    if (recorded) return;
    recorded = true;
    const responseBody = recordedBody(Buffer.concat(chunks), totalBytes);
    parts.record.append({ host, ...asked(req), status, responseBody, fault: fault?.id });
  };
  const write = res.write.bind(res) as (...args: unknown[]) => boolean;
  const end = res.end.bind(res) as (...args: unknown[]) => Response;
  res.write = ((...args: unknown[]) => {
    keep(args[0]);
    return late ? true : write(...args);
  }) as typeof res.write;
  res.end = ((...args: unknown[]) => {
    keep(args[0]);
    enter(fault?.drop === 'after' ? 0 : res.statusCode);
    if (!late) return end(...args);
    void finishLate({ fault, res, whole: Buffer.concat(chunks), write, end }, parts.holds);
    return res;
  }) as typeof res.end;
  res.on('close', () => enter(0));
}

function holdsBackAnswer(fault: Fault): boolean {
  const heldAfter = fault.hold !== undefined && fault.holdAt === 'after';
  return fault.drop === 'after' || fault.cutBody === true || heldAfter;
}

interface Late {
  fault: Fault;
  res: Response;
  whole: Buffer;
  write: (...args: unknown[]) => boolean;
  end: (...args: unknown[]) => Response;
}

async function finishLate({ fault, res, whole, write, end }: Late, holds: Holds): Promise<void> {
  if (fault.hold !== undefined && fault.holdAt === 'after') await holds.wait(fault.hold);
  if (res.destroyed) return;
  if (fault.drop === 'after') {
    res.destroy();
  } else if (fault.cutBody === true) {
    const destroy = () => res.destroy();
    const half = whole.subarray(0, Math.floor(whole.length / 2));
    if (!res.hasHeader('content-length')) res.setHeader('content-length', whole.length);
    if (half.length === 0) res.flushHeaders();
    if (half.length === 0) destroy();
    else write(half, destroy);
  } else {
    end(whole);
  }
}

function asked(req: Request): Record<string, unknown> {
  return {
    method: req.method,
    path: pathOf(req),
    query: req.query,
    requestHeaders: recordedHeaders(req.headers),
    requestBody: recordedBody(rawBody(req)),
  };
}
