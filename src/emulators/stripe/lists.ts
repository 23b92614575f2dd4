import { noSuch, StripeError } from './errors.ts';
import { invalidParam } from './errors.ts';
import type { Range } from './params.ts';

type Listed = { id: string; created: number };
export type PageParams = { limit?: number; starting_after?: string; ending_before?: string };

/** One page, newest first (docs.stripe.com/api/pagination); 1 to 100 a page, 10 when not said. */
export function page<T extends Listed>(
  url: string,
  oldestFirst: Iterable<T>,
  params: PageParams,
): { object: 'list'; url: string; has_more: boolean; data: T[] } {
  const limit = pageLimit(params.limit);
  const all = [...oldestFirst].reverse();
  const { starting_after: after, ending_before: before } = params;
  if (before !== undefined && before !== '') {
    const end = indexOf(all, before, 'ending_before');
    const start = Math.max(0, end - limit);
    return { object: 'list', url, has_more: start > 0, data: all.slice(start, end) };
  }
  const start = after === undefined || after === '' ? 0 : indexOf(all, after, 'starting_after') + 1;
  const data = all.slice(start, start + limit);
  return { object: 'list', url, has_more: start + limit < all.length, data };
}

export function pageLimit(limit = 10): number {
  if (limit >= 1 && limit <= 100) return limit;
  throw invalidParam('limit', 'parameter_invalid_integer', 'limit is from 1 to 100.');
}

export function within(created: number, { gt, gte, lt, lte }: Range = {}): boolean {
  return (
    (gt === undefined || created > gt) &&
    (gte === undefined || created >= gte) &&
    (lt === undefined || created < lt) &&
    (lte === undefined || created <= lte)
  );
}

function indexOf(all: Listed[], id: string, param: string): number {
  const index = all.findIndex((item) => item.id === id);
  if (index === -1) throw noSuch('object', id, param);
  return index;
}

export type Clause = { field: string; key?: string; operator: ':' | '>' | '<'; value: string };

/**
 * Reads `status:'succeeded' AND metadata['booking_id']:'b-1'` (docs.stripe.com/search). OR and
 * negation exist there and are refused here.
 */
export function parseSearch(query: string): Clause[] {
  return query.split(/\s+AND\s+|\s+and\s+/).map((part) => {
    const match =
      /^\s*(\w+)(?:\[(["'])(.+?)\2\])?([:<>])(?:(["'])(.*)\5|(\w+))\s*$/.exec(part) ?? undefined;
    if (match === undefined) {
      throw new StripeError(400, 'The search query could not be understood.', {
        param: 'query',
        beforeExecution: true,
      });
    }
    const [, field = '', , key, operator, , quoted, bare] = match;
    return {
      field,
      ...(key === undefined ? {} : { key }),
      operator: operator as Clause['operator'],
      value: quoted ?? bare ?? '',
    };
  });
}

export function satisfies(object: Record<string, unknown>, clause: Clause): boolean {
  const value = object[clause.field];
  if (clause.key !== undefined) {
    return (value as Record<string, string> | undefined)?.[clause.key] === clause.value;
  }
  if (clause.operator === ':') return String(value) === clause.value;
  const difference = Number(value) - Number(clause.value);
  return clause.operator === '>' ? difference > 0 : difference < 0;
}
