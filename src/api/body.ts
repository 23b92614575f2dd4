import express from 'express';
import type { Request, RequestHandler, Response } from 'express';
import { Problem } from './problem.ts';
import type { Route } from './route.ts';

const JSON_LIMIT_BYTES = 64 * 1024;

const readJson = asPromise(
  express.json({ limit: JSON_LIMIT_BYTES, type: 'application/json', inflate: false }),
);

export type ReadBody = (request: Request, response: Response) => Promise<void>;

/** Reads what the route takes; undefined for a route that takes nothing. */
export function bodyReader(route: Route): ReadBody | undefined {
  if (route.rawBodyBytes !== undefined)
    return asPromise(express.raw({ limit: route.rawBodyBytes, type: () => true, inflate: false }));
  if (!route.body) return undefined;
  return async (request, response) => {
    await readJson(request, response);
    if (request.body !== undefined) return;
    const hasBody =
      request.headers['transfer-encoding'] !== undefined ||
      Number(request.headers['content-length'] ?? 0) > 0;
    if (hasBody) throw new Problem('unsupported-media-type');
    request.body = {};
  };
}

function asPromise(handler: RequestHandler): ReadBody {
  return async (request, response) => {
    await new Promise<void>((resolve, reject) => {
      void handler(request, response, (error?: unknown) => {
        if (error === undefined || error === null) resolve();
        else reject(error as Error);
      });
    });
  };
}
