import { readTimeRange } from './calendar-query.ts';
import type { At } from './context.ts';
import { badRequest } from './errors.ts';
import { propertyOf } from './ical.ts';
import type { IcalComponent } from './ical.ts';
import { cal } from './names.ts';
import { calendarOf, occurrencesWithin } from './occurrences.ts';
import type { Span } from './occurrences.ts';
import { childOf } from './xml-read.ts';
import type { XmlElement } from './xml-read.ts';

/** Source: RFC 4791 §7.10. */
export function freeBusyQuery({ res, parts, resource }: At<'calendar'>, root: XmlElement): void {
  const element = childOf(root, cal('time-range'));
  const range = element === undefined ? undefined : readTimeRange(element);
  if (range === undefined || !Number.isFinite(range.endMs - range.startMs)) {
    throw badRequest('A free-busy-query has a time-range with start and end.');
  }
  const { calendar } = resource;
  const zone = calendar.timezone ?? 'UTC';
  const spans: Record<string, Span[]> = { BUSY: [], 'BUSY-TENTATIVE': [] };
  for (const object of parts.store.live(calendar.id)) {
    const read = calendarOf(object);
    if (read === undefined) continue;
    for (const { component, ...span } of occurrencesWithin(read, { range, name: 'VEVENT', zone })) {
      const kind = busyKind(component);
      if (kind !== undefined && span.endMs > span.startMs) spans[kind]!.push(clipped(span, range));
    }
  }
  const lines = Object.entries(spans).flatMap(([kind, some]) =>
    merged(some).map((span) => `FREEBUSY;FBTYPE=${kind}:${utc(span.startMs)}/${utc(span.endMs)}`),
  );
  res.status(200).type('text/calendar').send(document(range, lines));
}

function busyKind(component: IcalComponent): 'BUSY' | 'BUSY-TENTATIVE' | undefined {
  const status = propertyOf(component, 'STATUS')?.value.toUpperCase();
  const transparent = propertyOf(component, 'TRANSP')?.value.toUpperCase() === 'TRANSPARENT';
  if (transparent || status === 'CANCELLED') return undefined;
  return status === 'TENTATIVE' ? 'BUSY-TENTATIVE' : 'BUSY';
}

function clipped({ startMs, endMs }: Span, range: Span): Span {
  return { startMs: Math.max(startMs, range.startMs), endMs: Math.min(endMs, range.endMs) };
}

function merged(spans: Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const last = joined.at(-1);
    if (last !== undefined && span.startMs <= last.endMs) {
      last.endMs = Math.max(last.endMs, span.endMs);
    } else joined.push({ ...span });
  }
  return joined;
}

function utc(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

function document({ startMs, endMs }: Span, busy: string[]): string {
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Emulated CalDAV//EN', 'METHOD:REPLY'];
  const head = [`DTSTAMP:${utc(Date.now())}`, `DTSTART:${utc(startMs)}`, `DTEND:${utc(endMs)}`];
  lines.push('BEGIN:VFREEBUSY', ...head, ...busy, 'END:VFREEBUSY', 'END:VCALENDAR');
  return `${lines.join('\r\n')}\r\n`;
}
