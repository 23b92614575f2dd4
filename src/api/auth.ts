import { timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import type { Database } from '../store/database.ts';
import type { KeyRow } from '../store/keys.ts';
import { findKey, hashSecret } from '../store/keys.ts';
import { Problem } from './problem.ts';
import type { RequestLimits } from './request-limits.ts';

export const SCOPES = [
  'availability:read',
  'bookings:write',
  'payments:write',
  'connections:write',
  'journal:read',
  'admin',
] as const;
export type Scope = (typeof SCOPES)[number];

export interface Caller {
  tenantId: string;
  scopes: ReadonlySet<string>;
  /** Comes and is cached with the API key, so that a fingerprint costs no reading of its own. */
  fingerprintKey: Uint8Array;
  keyId: string;
  /** The key's own limits, in place of the setting's. */
  own: { readsPerMinute: number | null; writesPerMinute: number | null };
}

/** Who asks on a route that needs no key: nobody, with no tenant that could match a row. */
export const NOBODY: Caller = {
  tenantId: '',
  scopes: new Set(),
  fingerprintKey: new Uint8Array(),
  keyId: '',
  own: { readsPerMinute: null, writesPerMinute: null },
};

/** A revoked key is refused at the latest this long after its revocation, in every process. */
export const KEY_CACHE_MS = 5_000;
const KEYS_CACHED = 10_000;

interface CachedKey {
  row: KeyRow;
  caller: Caller;
  readAt: number;
}

export type Authenticate = (request: Request, scopes: readonly Scope[]) => Promise<Caller>;

/**
 * Throws `unauthenticated` (401), `loopback-only` or `forbidden` (403), and `too-many-requests` (429)
 * to an address that shows wrong keys all the time, before the database is asked for another.
 */
export function createAuthenticate(options: {
  database: Database;
  /** Epoch milliseconds. */
  now: () => number;
  limits: Pick<RequestLimits, 'ofAddress' | 'requireAddress'>;
}): Authenticate {
  const { database, now, limits } = options;
  const cache = new Map<string, CachedKey>();
  const load = async (keyId: string, request: Request): Promise<CachedKey | null> => {
    const known = cache.get(keyId);
    if (known && now() - known.readAt < KEY_CACHE_MS) return known;
    // A key that was good before is looked up whoever else uses its address.
    if (!known) limits.requireAddress(request);
    const readAt = now();
    const row = await findKey(database, keyId);
    if (!row) return null;
    if (cache.size >= KEYS_CACHED) cache.clear();
    const { tenantId, fingerprintKey, readsPerMinute, writesPerMinute } = row;
    const own = { readsPerMinute, writesPerMinute };
    const caller = { tenantId, scopes: new Set(row.scopes), fingerprintKey, keyId, own };
    const fresh = { row, caller, readAt };
    cache.set(keyId, fresh);
    return fresh;
  };
  return async (request, scopes) => {
    const given = readKey(request.get('authorization'));
    const key = given && (await load(given.keyId, request));
    if (!key || key.row.revoked || !timingSafeEqual(hashSecret(given.secret), key.row.secretHash)) {
      limits.ofAddress(request);
      throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } });
    }
    if (key.row.loopbackOnly && !isLocal(request)) throw new Problem('loopback-only');
    requireScope(key.caller, scopes);
    return key.caller;
  };
}

export const hasScope = (caller: Caller, scope: Scope): boolean =>
  caller.scopes.has(scope) || caller.scopes.has('admin');

/** Any one of them will do; `admin` opens everything. */
export function requireScope(caller: Caller, scopes: readonly Scope[]): void {
  if (scopes.some((scope) => hasScope(caller, scope))) return;
  throw new Problem('forbidden', {
    detail: `This needs a key with one of these scopes: ${scopes.join(', ')}.`,
    more: { scopes },
  });
}

function readKey(header: string | undefined): { keyId: string; secret: string } | null {
  const match = /^Bearer +hf_([A-Za-z0-9-]{1,64})_([A-Za-z0-9-]{1,128})$/i.exec(header ?? '');
  return match ? { keyId: match[1]!, secret: match[2]! } : null;
}

const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/** Through a proxy on this machine everybody looks local, so a proxy's header counts as outside. */
function isLocal(request: Request): boolean {
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const loopback = address === '::1' || address.startsWith('127.');
  return loopback && !PROXY_HEADERS.some((name) => request.headers[name] !== undefined);
}
