import type { Mapped } from './addresses.ts';
import { apple, cal, cs, dav } from './names.ts';
import type { Reader } from './properties.ts';
import type { CaldavSwitches } from './switches.ts';
import { syncToken } from './sync-tokens.ts';
import { ctagOf } from './versions.ts';
import { timezoneObject } from './vtimezone.ts';
import { node } from './xml-write.ts';

/** Source: RFC 4791 §5.2, RFC 6578 §4, RFC 3253 §3.1.5, Apple's calendar extensions. */
export const calendarProperties: Record<string, Reader<Extract<Mapped, { kind: 'calendar' }>>> = {
  [dav('displayname')]: ({ calendar }) => [calendar.displayName],
  [cal('supported-calendar-component-set')]: ({ calendar }) =>
    calendar.components.map((name) => node(cal('comp'), [], { name })),
  [cal('supported-calendar-data')]: () => [
    node(cal('calendar-data'), [], { 'content-type': 'text/calendar', version: '2.0' }),
  ],
  [cal('calendar-timezone')]: ({ calendar }, { parts }) => {
    if (calendar.timezone === undefined) return undefined;
    const text = timezoneObject(calendar.timezone, new Date().getUTCFullYear());
    return [parts.switches.calendarData === 'cdata' ? { cdata: text } : text];
  },
  [cal('max-resource-size')]: (_resource, { parts }) => [String(parts.switches.maxResourceBytes)],
  [cs('getctag')]: ({ calendar }, { parts }) =>
    parts.switches.ctag === 'absent' ? undefined : [ctagOf(parts.store, calendar, parts.switches)],
  [dav('sync-token')]: ({ calendar }, { parts }) =>
    parts.switches.syncCollection === 'supported'
      ? [syncToken(calendar, parts.store.view(calendar.id).latestSeq)]
      : undefined,
  [dav('supported-report-set')]: (_resource, { parts }) =>
    supportedReports(parts.switches).map((name) =>
      node(dav('supported-report'), [node(dav('report'), [node(name)])]),
    ),
  [dav('resource-id')]: ({ calendar }) => [
    node(dav('href'), [`urn:x-resource:${calendar.resourceId}`]),
  ],
  [apple('calendar-color')]: ({ calendar }) => [calendar.color],
  [apple('calendar-order')]: ({ calendar }) => [String(calendar.order)],
};

export function supportedReports(switches: CaldavSwitches): string[] {
  const reports = [cal('calendar-query'), cal('calendar-multiget')];
  if (switches.syncCollection === 'supported') reports.push(dav('sync-collection'));
  if (switches.freeBusyQuery === 'supported') reports.push(cal('free-busy-query'));
  return reports;
}
