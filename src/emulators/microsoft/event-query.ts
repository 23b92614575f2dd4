import type { Request } from 'express';
import { badRequest, notEmulated } from './errors.ts';
import { sameProperty } from './event-body.ts';
import type { Item } from './occurrences.ts';
import { cancelledOccurrences, eventView } from './event-view.ts';
import type { Showing } from './event-view.ts';
import { iCalUIdOf } from './event-ids.ts';

/** What a call asks to see of events. Source: Graph "Use query parameters". */
export interface EventQuery {
  select: string[] | undefined;
  /** Id of the extended property to show. */
  expand: string | undefined;
  matches: (item: Item) => boolean;
  top: number | undefined;
  skip: number;
}

const known = ['$select', '$expand', '$filter', '$top', '$skip', '$orderby', '$count'];

export function readEventQuery(req: Request): EventQuery {
  for (const name of Object.keys(req.query)) {
    if (name.startsWith('$') && !known.includes(name)) throw notEmulated(`${name} on events`);
  }
  const { $select, $expand, $filter, $top, $skip } = req.query as Record<
    string,
    string | undefined
  >;
  return {
    select: $select?.split(',').map((name) => name.trim()),
    expand: $expand === undefined ? undefined : readExpand($expand),
    matches: $filter === undefined ? () => true : readFilter($filter),
    top: $top === undefined ? undefined : count('$top', $top),
    skip: $skip === undefined ? 0 : count('$skip', $skip),
  };
}

function count(name: string, text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw badRequest('ErrorInvalidUrlQuery', `The value of ${name} is not a number.`);
}

const expandShape = /^singleValueExtendedProperties\s*\(\s*\$filter\s*=\s*id eq '([^']+)'\s*\)$/i;

function readExpand(text: string): string {
  const match = expandShape.exec(text.trim());
  if (match === null) throw notEmulated(`$expand=${text}`);
  return match[1]!;
}

const anyShape =
  /^singleValueExtendedProperties\/Any\(\s*(\w+)\s*:\s*\1\/id eq '([^']+)' and \1\/value eq '([^']*)'\s*\)$/i;
const uidShape = /^(iCalUId|uid|transactionId) eq '([^']+)'$/i;

function readFilter(text: string): EventQuery['matches'] {
  const any = anyShape.exec(text.trim());
  if (any !== null) {
    const [, , id, value] = any;
    return ({ event }) =>
      event.extended.some((each) => sameProperty(each.id, id!) && each.value === value);
  }
  const uid = uidShape.exec(text.trim());
  if (uid === null)
    throw badRequest('ErrorInvalidUrlQueryFilter', 'The query filter is not supported.');
  const [, name, wanted] = uid;
  if (name!.toLowerCase() === 'transactionid') return ({ event }) => event.transactionId === wanted;
  return ({ entry, wallMs }) => iCalUIdOf(entry, wallMs) === wanted;
}

/** An event with what the call asks to see of it. */
export function selectedView(item: Item, query: EventQuery, showing: Showing) {
  const whole = eventView(item, showing);
  const { select, expand } = query;
  const properties = item.event.extended.filter(
    ({ id }) => expand !== undefined && sameProperty(id, expand),
  );
  const expanded = properties.length === 0 ? {} : { singleValueExtendedProperties: properties };
  if (select === undefined) return { ...whole, ...expanded };
  const more = { ...whole, cancelledOccurrences: cancelledOccurrences(item, showing) };
  const chosen = Object.entries(more).filter(
    ([name]) => name === 'id' || name === '@odata.etag' || select.includes(name),
  );
  return { ...Object.fromEntries(chosen), ...expanded };
}
