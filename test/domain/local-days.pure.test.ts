import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayOfText, textOfDay, weekdayOf } from '../../src/domain/local-days.ts';
import { WEEKDAYS } from '../../src/domain/resource.ts';

test('days and their texts are those of the common calendar, leap years too', () => {
  fc.assert(
    fc.property(fc.integer({ min: -100_000, max: 200_000 }), (day) => {
      const date = new Date(day * 86_400_000);
      expect(textOfDay(day)).toBe(date.toISOString().slice(0, 10));
      expect(dayOfText(textOfDay(day))).toBe(day);
      expect(weekdayOf(day)).toBe(WEEKDAYS[(date.getUTCDay() + 6) % 7]);
    }),
    { numRuns: 2_000 },
  );
  expect(textOfDay(dayOfText('2028-02-29') + 1)).toBe('2028-03-01');
  expect(dayOfText('1970-01-01')).toBe(0);
});
