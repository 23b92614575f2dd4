import { Temporal as Tc39 } from 'temporal-polyfill';
import type { ExpandRequest } from '../../src/calendar/recurrence.ts';
import { expand } from '../../src/calendar/recurrence.ts';
import type { NeutralEvent, WallTime } from '../../src/domain/event.ts';

export const zoned = (local: string, zone = 'America/New_York'): WallTime => ({
  kind: 'zoned',
  local,
  zone,
});
export const day = (date: string): WallTime => ({ kind: 'date', date });
export const utc = (at: string): WallTime => ({ kind: 'utc', at });
export const floating = (local: string): WallTime => ({ kind: 'floating', local });

export function anEvent(facts: Partial<NeutralEvent> = {}): NeutralEvent {
  return {
    nativeId: 'series',
    uid: 'series',
    seriesId: null,
    originalStart: null,
    status: 'confirmed',
    transparency: 'opaque',
    kind: 'default',
    start: zoned('1997-09-02T09:00:00'),
    end: null,
    recurrence: [],
    thisAndFuture: false,
    sequence: 0,
    etag: null,
    updatedAt: null,
    marker: null,
    ...facts,
  };
}

export const anException = (facts: Partial<NeutralEvent>): NeutralEvent =>
  anEvent({ nativeId: 'exception', seriesId: 'series', ...facts });

export const windowOf = (from: string, until: string): ExpandRequest['window'] => ({
  fromAt: Date.parse(from),
  untilAt: Date.parse(until),
});

export const inNewYork = (at: number): string =>
  Tc39.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO('America/New_York')
    .toPlainDateTime()
    .toString({ smallestUnit: 'minute' });

export const iso = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');

type Asked = Partial<Omit<ExpandRequest, 'window'>> & { window: ExpandRequest['window'] };

/** Expands in Paris unless told otherwise. */
export const expanded = (asked: Asked) =>
  expand({ master: anEvent(), exceptions: [], defaultZone: 'Europe/Paris', ...asked });

/** Starts in UTC. */
export const startsOf = (asked: Asked): string[] =>
  expanded(asked).spans.map((span) => iso(span.startAt));
