import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import type { Collection } from '../collection.ts';
import type { Host } from '../host.ts';
import { CaldavError } from './errors.ts';

/** Somebody with an account, and the app passwords that open it now. */
export interface Account {
  user: string;
  /** The number that the account's addresses carry. */
  dsid: string;
  displayName: string;
  passwords: string[];
}

export interface Accounts {
  people: Collection<Account>;
  byDsid(dsid: string): Account | undefined;
  newPassword(): string;
}

export const challenge = 'Basic realm="CalDAV", charset="UTF-8"';

export function createAccounts(host: Host): Accounts {
  const people = host.collection<Account>('caldav-accounts');
  const users = new Map<string, string>();
  return {
    people,
    byDsid(dsid) {
      if (!users.has(dsid))
        for (const { dsid: each, user } of people.values()) users.set(each, user);
      const account = people.get(users.get(dsid) ?? '');
      return account?.dsid === dsid ? account : undefined;
    },
    newPassword() {
      const letters = host.opaqueId('caldav-password', 'abcdefghijklmnopqrstuvwxyz', 16);
      return letters.replaceAll(/(.{4})(?=.)/g, '$1-');
    },
  };
}

/** Ten digits that stay the same for one user. */
export function dsidOf(user: string): string {
  const digest = createHash('sha256').update(`dsid:${user}`).digest();
  return String(1_000_000_000 + (digest.readUInt32BE(0) % 9_000_000_000));
}

/** Who calls, or a 401. Source: RFC 7617. */
export function authenticate(req: Request, { people }: Accounts): Account {
  const encoded = /^Basic +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1];
  const [, user, password] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8')) ?? [];
  const account = user === undefined ? undefined : people.get(user);
  const opened = account?.passwords.some((known) => sameText(known, password ?? '')) ?? false;
  if (account === undefined || !opened) throw new CaldavError(401, 'Unauthorized');
  return account;
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a!, b!);
}
