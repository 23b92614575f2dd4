import { Failure } from '../../domain/failure.ts';
import { hrefsIn, propsOf } from './collections.ts';
import { askMultistatus, mayGetPassword } from './dav.ts';
import type { Dav } from './dav.ts';
import { isKind } from './failures.ts';
import { CALDAV } from './xml.ts';

/** A person has a few; a position that holds them must stay small. */
const MOST_ADDRESSES = 8;
const LONGEST_ADDRESS = 320;

const BODY =
  '<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:" ' +
  `xmlns:c="${CALDAV}"><d:prop><c:calendar-user-address-set/></d:prop></d:propfind>`;

/**
 * The addresses by which a principal is invited (RFC 6638 §2.4.1), for a calendar those of its owner
 * (RFC 3744 §5.1): who may read it can be somebody else, whose answers say nothing about it. Empty
 * where nobody tells; then what was declined takes time, which is the safe side.
 */
export async function addressesOf(dav: Dav, principal: URL | null): Promise<string[]> {
  if (principal === null || !mayGetPassword(dav, principal)) return [];
  try {
    const request = { method: 'PROPFIND', url: principal, depth: '0', body: BODY } as const;
    const { text } = await askMultistatus(dav, request);
    const addresses = hrefsIn(propsOf(text), { name: 'calendar-user-address-set', space: CALDAV });
    return addresses
      .filter((one) => one !== '' && one.length <= LONGEST_ADDRESS)
      .slice(0, MOST_ADDRESSES);
  } catch (error) {
    const isRefused =
      isKind(error, 'unauthorized', 'not-found', 'invalid', 'conflict') || isBroken(error);
    if (isRefused) return [];
    throw error;
  }
}

/** Other people's principals are where servers err, and that must not keep a calendar from being read. */
const isBroken = (error: unknown): boolean => error instanceof Failure && error.code === 'http-500';
