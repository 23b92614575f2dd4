import { instantText } from './civil.ts';
import { basic, contentOf, escapeText, timeValue } from './write.ts';

export interface PublishedEvent {
  uid: string;
  /** Days, or instants in epoch milliseconds; half-open. */
  span: { from: string; until: string } | { startAt: number; endAt: number };
  summary: string;
}

/**
 * A feed as rental platforms import it: an opaque VEVENT a span, and nothing about anybody (RFC 5545
 * §3.6.1, `METHOD:PUBLISH`). `stampedAt` stays the same, so that equal contents are equal bytes.
 */
export function composeFeed(feed: {
  events: readonly PublishedEvent[];
  stampedAt: number;
}): string {
  const stamp = basic(instantText(feed.stampedAt));
  return contentOf([
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Holdfast//Holdfast//EN',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    ...feed.events.flatMap(({ uid, span, summary }) => [
      'BEGIN:VEVENT',
      `UID:${escapeText(uid)}`,
      `DTSTAMP:${stamp}`,
      ...timesOf(span),
      `SUMMARY:${escapeText(summary)}`,
      'STATUS:CONFIRMED',
      'TRANSP:OPAQUE',
      'END:VEVENT',
    ]),
    'END:VCALENDAR',
  ]);
}

function timesOf(span: PublishedEvent['span']): [string, string] {
  if ('from' in span)
    return [
      `DTSTART${timeValue({ kind: 'date', date: span.from })}`,
      `DTEND${timeValue({ kind: 'date', date: span.until })}`,
    ];
  return [`DTSTART:${utc(span.startAt)}`, `DTEND:${utc(span.endAt)}`];
}

const utc = (at: number): string => basic(instantText(at));
