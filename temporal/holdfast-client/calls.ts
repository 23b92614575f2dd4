import { randomUUID } from 'node:crypto';
import type { Call } from './request.ts';
import type * as t from './types.ts';

/** Left out, each call makes a key of its own. Give yours to repeat a call after a crash. */
export interface Once {
  idempotencyKey?: string;
}
export interface Page<T> {
  items: T[];
  /** Goes into `after`; null on the last page. */
  next: string | null;
}
export interface PageQuery {
  after?: string;
  limit?: number;
}

/** `from` and `to` are RFC 3339 instants. */
export interface BookingSearch {
  state?: t.Booking['state'];
  resourceId?: string;
  sessionId?: string;
  from?: string;
  to?: string;
  /** Your own, as it was given as `guest.reference`. */
  reference?: string;
  attention?: 'true';
}

export type Ask = <T>(
  method: Call['method'],
  path: string,
  more?: Omit<Call, 'method' | 'path'>,
) => Promise<T>;

export const keyed = (body: unknown, once: Once = {}) => ({
  body,
  idempotencyKey: once.idempotencyKey ?? randomUUID(),
});
export const pathOf = (list: string, ...ids: string[]): string =>
  [list, ...ids].map((part) => `/${encodeURIComponent(part)}`).join('');
