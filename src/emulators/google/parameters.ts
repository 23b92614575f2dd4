import type { Request } from 'express';
import { badRequest } from './errors.ts';
import { isZone, parseDateTime } from '../zones.ts';

const kinds = ['string', 'strings', 'boolean', 'integer', 'instant', 'zone'] as const;
type Kind = (typeof kinds)[number];

export type Parameters<S extends Record<string, Kind>> = {
  [K in keyof S]?: S[K] extends 'boolean'
    ? boolean
    : S[K] extends 'integer' | 'instant'
      ? number
      : S[K] extends 'strings'
        ? string[]
        : string;
};

/** Taken by every method. Source: Google's "Standard query parameters". */
const standard = [
  ['$.xgafv', 'access_token', 'alt', 'callback', 'fields', 'key', 'oauth_token', 'prettyPrint'],
  ['quotaUser', 'uploadType', 'upload_protocol', 'userIp'],
].flat();

/**
 * The query of a call, read by its method's parameters. `integer` is ≥ 1; `instant` is RFC 3339 with
 * offset and comes back as epoch milliseconds. An unknown name or a wrong value is a 400.
 */
export function readParameters<S extends Record<string, Kind>>(
  req: Request,
  schema: S,
): Parameters<S> {
  const read: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(req.query)) {
    if (standard.includes(name)) continue;
    if (!Object.hasOwn(schema, name)) {
      const message = `Invalid parameter. Unknown name "${name}": Cannot bind query parameter.`;
      throw badRequest('invalidParameter', message, name);
    }
    read[name] = readOne(name, schema[name]!, given);
  }
  return read as Parameters<S>;
}

/** A standard parameter of any call, such as `fields`. */
export function standardParameter(req: Request, name: string): string | undefined {
  const value = req.query[name];
  return typeof value === 'string' ? value : undefined;
}

function readOne(name: string, kind: Kind, given: unknown): unknown {
  if (kind === 'strings') return Array.isArray(given) ? given : [given];
  if (typeof given !== 'string') {
    throw badRequest('invalidParameter', `Parameter ${name} cannot be repeated.`, name);
  }
  const value = valueOf(kind, given);
  if (value === undefined) throw badRequest('invalid', `Invalid value '${given}'.`, name);
  return value;
}

function valueOf(kind: Exclude<Kind, 'strings'>, given: string): unknown {
  switch (kind) {
    case 'string':
      return given;
    case 'boolean':
      return given === 'true' ? true : given === 'false' ? false : undefined;
    case 'integer':
      return /^\d{1,9}$/.test(given) && Number(given) >= 1 ? Number(given) : undefined;
    case 'instant':
      return parseDateTime(given);
    case 'zone':
      return isZone(given) ? given : undefined;
  }
}
