import type { LiveObject } from './calendar-store.ts';
import { sendMultistatus } from './context.ts';
import type { At } from './context.ts';
import { badRequest, failed } from './errors.ts';
import type { IcalComponent } from './ical.ts';
import { cal } from './names.ts';
import { calendarOf, isEndless, occurrencesWithin } from './occurrences.ts';
import type { Span } from './occurrences.ts';
import { describe } from './properties.ts';
import type { Asked } from './properties.ts';
import { childOf } from './xml-read.ts';
import type { XmlElement } from './xml-read.ts';

/** Source: RFC 4791 §7.8, §9.7. */
export function calendarQuery(context: At<'calendar'>, root: XmlElement, asked: Asked): void {
  const { req, parts, resource } = context;
  const filter = childOf(root, cal('filter'));
  const top = filter === undefined ? undefined : childOf(filter, cal('comp-filter'));
  if (top === undefined) throw badRequest('A calendar-query has a filter with a comp-filter.');
  if (top.attributes['name'] !== 'VCALENDAR')
    throw invalidFilter('The filter starts at VCALENDAR.');
  checkFilter(top);
  // Without a Depth the collection alone is meant, which never matches.
  const depth = req.get('depth') ?? '0';
  const { account, calendar } = resource;
  const zone = calendar.timezone ?? 'UTC';
  const objects = depth === '0' ? [] : parts.store.live(calendar.id);
  const found = objects.filter((object) => matches(object, top, zone));
  const responses = found.map((object) =>
    describe({ kind: 'object', account, calendar, name: object.name, object }, asked, context),
  );
  sendMultistatus(context, responses);
}

function invalidFilter(message: string): Error {
  return failed(403, cal('valid-filter'), message);
}

const supported: Record<string, string[]> = {
  [cal('comp-filter')]: ['is-not-defined', 'time-range', 'prop-filter', 'comp-filter'].map(cal),
  [cal('prop-filter')]: ['is-not-defined', 'text-match'].map(cal),
};

/** What this emulator cannot filter by is refused rather than passed over. */
function checkFilter(filter: XmlElement): void {
  for (const child of filter.children) {
    if (!supported[filter.name]?.includes(child.name)) {
      throw failed(403, cal('supported-filter'), 'This kind of filter is not supported.');
    }
    if (child.name === cal('time-range')) {
      if (filter.attributes['name'] !== 'VEVENT') {
        throw failed(403, cal('supported-filter'), 'A time-range is supported for VEVENT.');
      }
      readTimeRange(child);
    }
    if (Object.hasOwn(supported, child.name)) checkFilter(child);
  }
}

/** UTC times, either may be absent. Source: RFC 4791 §9.9. */
export function readTimeRange({ attributes }: XmlElement): Span {
  const { start, end } = attributes as { start?: string; end?: string };
  const startMs = start === undefined ? -Infinity : utcMs(start);
  const endMs = end === undefined ? Infinity : utcMs(end);
  const given = start !== undefined || end !== undefined;
  if (!given || !(startMs < endMs)) throw invalidFilter('A time-range is two UTC times in order.');
  return { startMs, endMs };
}

function utcMs(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) throw invalidFilter('A time-range is given in UTC.');
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  return Date.UTC(year!, month! - 1, day, hour, minute, second);
}

function matches(object: LiveObject, top: XmlElement, zone: string): boolean {
  const calendar = calendarOf(object);
  return calendar !== undefined && fits(calendar, top, { calendar, zone });
}

type In = { calendar: IcalComponent; zone: string };

function fits(component: IcalComponent, filter: XmlElement, within: In): boolean {
  return filter.children.every((child) => {
    if (child.name === cal('prop-filter')) return propertyFits(component, child);
    if (child.name !== cal('comp-filter')) return true;
    const name = child.attributes['name']?.toUpperCase() ?? '';
    const named = component.components.filter((each) => each.name === name);
    if (childOf(child, cal('is-not-defined')) !== undefined) return named.length === 0;
    const timed = timedComponents(named, child, within);
    return timed.some((each) => fits(each, child, within));
  });
}

function timedComponents(named: IcalComponent[], filter: XmlElement, within: In): IcalComponent[] {
  const timeRange = childOf(filter, cal('time-range'));
  if (timeRange === undefined) return named;
  const range = readTimeRange(timeRange);
  if (range.endMs === Infinity && named.some(isEndless)) return named;
  const { calendar, zone } = within;
  const name = filter.attributes['name']!.toUpperCase();
  return occurrencesWithin(calendar, { range, name, zone }).map(({ component }) => component);
}

function propertyFits(component: IcalComponent, filter: XmlElement): boolean {
  const name = filter.attributes['name']?.toUpperCase();
  const named = component.properties.filter((property) => property.name === name);
  if (childOf(filter, cal('is-not-defined')) !== undefined) return named.length === 0;
  const match = childOf(filter, cal('text-match'));
  if (match === undefined) return named.length > 0;
  const exact = match.attributes['collation'] === 'i;octet';
  const fold = (text: string) => (exact ? text : text.toLowerCase());
  const contains = named.some(({ value }) => fold(value).includes(fold(match.text)));
  return match.attributes['negate-condition'] === 'yes' ? !contains : contains;
}
