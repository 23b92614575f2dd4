import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { overlaps, union } from '../../src/domain/interval.ts';
import { nightsOf, publishedEntries } from '../../src/domain/published.ts';

const at = (text: string): number => Date.parse(`${text}Z`);
const clock = {
  localOf: (ms: number) => new Date(ms).toISOString().slice(0, 19),
  dayAfter: (day: string, days: number) =>
    new Date(at(`${day}T00:00:00`) + days * 86_400_000).toISOString().slice(0, 10),
};
const nights = (from: string, until: string) =>
  nightsOf({ startAt: at(from), endAt: at(until) }, clock);

describe('nights', () => {
  test('whole days are themselves: the day of departure is free', () => {
    expect(nights('2031-05-01T00:00:00', '2031-05-04T00:00:00')).toEqual({
      from: '2031-05-01',
      until: '2031-05-04',
    });
  });

  test('a stay from check-in to check-out is its nights', () => {
    expect(nights('2031-05-01T15:00:00', '2031-05-04T11:00:00')).toEqual({
      from: '2031-05-01',
      until: '2031-05-04',
    });
  });

  test('an hour at noon still closes the night of its day, since platforms know nothing shorter', () => {
    expect(nights('2031-05-01T12:00:00', '2031-05-01T13:00:00')).toEqual({
      from: '2031-05-01',
      until: '2031-05-02',
    });
  });

  test('a morning closes the night before it, and an evening the one after', () => {
    expect(nights('2031-05-02T08:00:00', '2031-05-02T10:00:00').from).toBe('2031-05-01');
    expect(nights('2031-05-01T10:00:00', '2031-05-02T20:00:00').until).toBe('2031-05-03');
  });

  test('guests come and go as the resource says, where it is sold by the night', () => {
    for (const noon of ['10:00', '12:00', '16:00']) {
      const span = {
        startAt: at(`2031-05-01T${noon}:00`),
        endAt: at(`2031-05-04T${noon}:00`),
      };
      const stay = nightsOf(span, clock, { checkIn: noon, checkOut: noon });
      expect(stay).toEqual({ from: '2031-05-01', until: '2031-05-04' });
    }
  });

  test('no guest of a free night can meet what was published, whatever the span', () => {
    const minute = 60_000;
    const start = fc
      .integer({ min: 0, max: 60 * 24 * 30 })
      .map((m) => at('2031-05-01T00:00:00') + m * minute);
    fc.assert(
      fc.property(start, fc.integer({ min: 1, max: 60 * 24 * 9 }), (startAt, minutes) => {
        const span = { startAt, endAt: startAt + minutes * minute };
        const { from, until } = nightsOf(span, clock);
        expect(from < until).toBe(true);
        const isWhole = (ms: number) => clock.localOf(ms).endsWith('00:00:00');
        const opens = isWhole(span.startAt) ? 'T00:00:00' : 'T11:00:00';
        const arrives = isWhole(span.startAt) && isWhole(span.endAt) ? 'T00:00:00' : 'T15:00:00';
        const before = { startAt: at('2031-01-01T00:00:00'), endAt: at(`${from}${opens}`) };
        const after = { startAt: at(`${until}${arrives}`), endAt: at('2032-01-01T00:00:00') };
        expect([overlaps(span, before), overlaps(span, after)]).toEqual([false, false]);
      }),
    );
  });
});

describe('entries', () => {
  const source = (key: string, unit: number | null, startAt: number, endAt: number) => ({
    key,
    unit,
    startAt,
    endAt,
  });

  test('a place for one publishes every source by itself', () => {
    const sources = [source('a', 1, 0, 2), source('b', null, 1, 3)];
    expect(publishedEntries(sources, { unit: null, capacity: 1 })).toEqual([
      { key: 'a', startAt: 0, endAt: 2 },
      { key: 'b', startAt: 1, endAt: 3 },
    ]);
  });

  test('a feed of one unit leaves out what takes the others', () => {
    const sources = [source('a', 1, 0, 2), source('b', 2, 0, 2), source('c', null, 5, 6)];
    const keys = publishedEntries(sources, { unit: 2, capacity: 3 }).map((one) => one.key);
    expect(keys).toEqual(['b', 'c']);
  });

  test('too little of what a booking needs closes a place, once where a booking of it says so', () => {
    const need = {
      capacity: 3,
      units: 2,
      taken: [source('x', 1, 0, 4), source('y', 3, 2, 6), source('z', null, 8, 9)],
    };
    const of = (own: ReturnType<typeof source>[], more: object = {}) =>
      publishedEntries(own, { unit: null, capacity: 1, needs: [need], ...more });
    expect(of([])).toEqual([
      { key: 'linked/2', startAt: 2, endAt: 4 },
      { key: 'linked/8', startAt: 8, endAt: 9 },
    ]);
    expect(of([source('a', 1, 1, 5)]).map((one) => one.key)).toEqual(['a', 'linked/8']);
    const closed = [{ startAt: 7, endAt: 12 }];
    expect(of([], { closed }).map((one) => one.key)).toEqual(['closed/7', 'linked/2']);
  });

  test('a place for many publishes exactly the times at which no unit is free', () => {
    const span = fc
      .tuple(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 1, max: 12 }),
      )
      .map(([unit, startAt, length]) => source(`${unit}`, unit, startAt, startAt + length));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), (sources) => {
        const spans = publishedEntries(sources, { unit: null, capacity: 3 });
        for (let hour = 0; hour < 45; hour += 1) {
          const now = { startAt: hour, endAt: hour + 1 };
          const free = [1, 2, 3].some(
            (unit) => !sources.some((one) => one.unit === unit && overlaps(one, now)),
          );
          expect(spans.some((one) => overlaps(one, now))).toBe(!free);
        }
        expect(union(spans)).toHaveLength(spans.length);
      }),
    );
  });

  test('years of bookings, and as many of what a booking needs, are all told', () => {
    const hourly = (after: number) =>
      Array.from({ length: 20_000 }, (_, n) => source(`${n}`, 1, 3 * n + after, 3 * n + after + 1));
    const need = { capacity: 1, units: 1, taken: hourly(1) };
    const told = publishedEntries(hourly(0), { unit: null, capacity: 1, needs: [need] });
    expect(told).toHaveLength(40_000);
  });
});
