import type { Request, Response } from 'express';
import { badRequest } from './errors.ts';
import { ianaZone } from './windows-zones.ts';

/** What a call prefers. Source: Graph reference, "Request headers" of the event methods. */
export interface Preferences {
  /** Zone to show times in, as the caller names it, and by its IANA name. */
  zoneName: string;
  zone: string;
  immutableIds: boolean;
  maxPageSize: number | undefined;
}

const preference = /([\w.-]+)\s*=\s*(?:"([^"]*)"|([^,;\s]+))/g;

/** Reads the `Prefer` headers, and says in `Preference-Applied` which were honoured. */
export function readPreferences(req: Request, res: Response): Preferences {
  const given = new Map<string, string>();
  for (const [, name, quoted, bare] of (req.get('prefer') ?? '').matchAll(preference)) {
    given.set(name!.toLowerCase(), quoted ?? bare ?? '');
  }
  const zoneName = given.get('outlook.timezone') ?? 'UTC';
  const zone = ianaZone(zoneName);
  if (zone === undefined) {
    const message = `A valid TimeZone value must be specified. The following TimeZone value is not supported: '${zoneName}'.`;
    throw badRequest('TimeZoneNotSupportedException', message);
  }
  const size = given.get('odata.maxpagesize');
  if (size !== undefined && !/^[1-9]\d{0,5}$/.test(size)) {
    throw badRequest('ErrorInvalidParameter', 'odata.maxpagesize is a positive number.');
  }
  const applied: string[] = [];
  if (given.has('outlook.timezone')) applied.push(`outlook.timezone="${zoneName}"`);
  if (size !== undefined) applied.push(`odata.maxpagesize=${size}`);
  const immutableIds = given.get('idtype')?.toLowerCase() === 'immutableid';
  if (immutableIds) applied.push('IdType="ImmutableId"');
  if (applied.length > 0) res.set('Preference-Applied', applied.join(', '));
  return {
    zoneName,
    zone,
    immutableIds,
    maxPageSize: size === undefined ? undefined : Number(size),
  };
}
