import fc from 'fast-check';
import { RRuleTemporal } from 'rrule-temporal';
import { expect, test } from 'vitest';
import { parseRecurrence } from '../../src/emulators/google/recurrence-rule.ts';
import { wallStarts } from '../../src/emulators/google/recurrence.ts';
import { instantOf, renderInZone, wallAt } from '../../src/emulators/zones.ts';
import { controlEvents, events, googleWorld, listAll, timed } from './google-world.ts';

const weekday = fc.constantFrom('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU');
const list = <T>(one: fc.Arbitrary<T>) => fc.uniqueArray(one, { minLength: 1, maxLength: 3 });

function ruleText(frequency: string): fc.Arbitrary<string> {
  // Mixed lists and numbered weekdays beside BYMONTHDAY are where the library strays from RFC 5545.
  const numbered = fc.tuple(fc.constantFrom('1', '2', '-1'), weekday).map((pair) => pair.join(''));
  const byDay = ['MONTHLY', 'YEARLY'].includes(frequency)
    ? fc.oneof(list(weekday), list(numbered))
    : list(weekday);
  const parts = {
    BYDAY: fc.option(byDay, { freq: 2, nil: undefined }),
    BYMONTH: fc.option(list(fc.integer({ min: 1, max: 12 })), { nil: undefined, freq: 4 }),
    BYMONTHDAY: fc.option(list(fc.constantFrom(1, 13, 28, 31, -1, -2)), {
      nil: undefined,
      freq: 4,
    }),
    INTERVAL: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    COUNT: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  };
  return fc.record(parts).map((chosen) => {
    // RFC 5545 has no BYMONTHDAY in a weekly rule.
    const numberedDay = chosen.BYDAY?.some((day) => /\d/.test(day)) ?? false;
    const dayless = frequency === 'WEEKLY' || numberedDay;
    const given = Object.entries(chosen).filter(
      ([name, value]) => value !== undefined && !(dayless && name === 'BYMONTHDAY'),
    );
    return [`FREQ=${frequency}`, ...given.map(([name, value]) => `${name}=${String(value)}`)].join(
      ';',
    );
  });
}

test('expansion agrees with an independent library where the start fits the rule', () => {
  const start = Date.UTC(2026, 0, 5, 9, 30);
  const until = Date.UTC(2028, 0, 1);
  const frequency = fc.constantFrom('DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY');
  fc.assert(
    fc.property(frequency.chain(ruleText), (text) => {
      const theirs = new RRuleTemporal({
        rruleString: `DTSTART:20260105T093000Z\nRRULE:${text}`,
        maxIterations: 100_000,
      })
        .between(new Date(start), new Date(until), true)
        .map(({ epochMilliseconds }) => epochMilliseconds);
      const ours = wallStarts(start, parseRecurrence([`RRULE:${text}`], 'UTC'), until);
      // The first occurrence counts whatever the rule says; the library leaves it out when it does not fit.
      const comparable = ours.filter((ms) => ms !== start || theirs.includes(start));
      expect(comparable).toEqual(theirs);
    }),
    { numRuns: 300 },
  );
});

test('wall clocks and instants agree over changes of the clock', () => {
  const spring = Date.UTC(2026, 2, 29, 2, 30);
  expect(new Date(instantOf(spring, 'Europe/Paris')).toISOString()).toBe(
    '2026-03-29T01:30:00.000Z',
  );
  const autumn = Date.UTC(2026, 9, 25, 2, 30);
  expect(new Date(instantOf(autumn, 'Europe/Paris')).toISOString()).toBe(
    '2026-10-25T00:30:00.000Z',
  );
  expect(renderInZone(Date.UTC(2026, 0, 1), 'America/St_Johns')).toBe('2025-12-31T20:30:00-03:30');
  expect(wallAt(Date.UTC(2026, 6, 1), 'Asia/Kathmandu')).toBe(Date.UTC(2026, 6, 1, 5, 45));
});

test('editing one instance makes an exception, deleting one a cancelled exception', async () => {
  const world = await googleWorld();
  const rule = ['RRULE:FREQ=WEEKLY;COUNT=5', 'EXDATE;TZID=Europe/Paris:20261222T100000'];
  await world.api(events, { body: timed('2026-12-01', { id: 'abcde', recurrence: rule }) });
  const { syncToken } = await listAll(world);
  const second = 'abcde_20261208T090000Z';
  const third = 'abcde_20261215T090000Z';
  await world.control(`${controlEvents}/${second}`, {
    method: 'PATCH',
    body: { summary: 'Moved' },
  });
  await world.control(`${controlEvents}/${third}`, { method: 'DELETE' });
  const skipped = await world.api(`${events}/abcde_20261222T090000Z`);
  expect(skipped.status).toBe(404);
  const delta = await listAll(world, { syncToken });
  const originalStartTime = { dateTime: '2026-12-15T10:00:00+01:00', timeZone: 'Europe/Paris' };
  expect(delta.items[0]).toMatchObject({
    id: second,
    recurringEventId: 'abcde',
    summary: 'Moved',
    iCalUID: 'abcde@google.com',
  });
  expect(delta.items[0]).not.toHaveProperty('recurrence');
  expect(delta.items[1]).toMatchObject({
    id: third,
    status: 'cancelled',
    recurringEventId: 'abcde',
    originalStartTime,
  });
  expect(delta.items[1]).not.toHaveProperty('start');
  const full = await listAll(world);
  expect(full.items.map(({ id }) => id)).toEqual(['abcde', second, third]);
});

test('a deleted series takes its exceptions along', async () => {
  const world = await googleWorld();
  const rule = ['RRULE:FREQ=WEEKLY;COUNT=5'];
  await world.api(events, { body: timed('2026-12-01', { id: 'abcde', recurrence: rule }) });
  const second = 'abcde_20261208T090000Z';
  await world.control(`${controlEvents}/${second}`, {
    method: 'PATCH',
    body: { summary: 'Moved' },
  });
  const { syncToken } = await listAll(world);
  await world.control(`${controlEvents}/abcde`, { method: 'DELETE' });
  const delta = await listAll(world, { syncToken });
  expect(delta.items.map(({ id, status }) => [id, status])).toEqual([
    ['abcde', 'cancelled'],
    [second, 'cancelled'],
  ]);
  expect(delta.items[1]).not.toHaveProperty('recurringEventId');
  expect((await listAll(world)).items).toEqual([]);
});

test('an all-day series names its instances by date', async () => {
  const world = await googleWorld();
  const body = {
    id: 'abcde',
    start: { date: '2026-12-01' },
    end: { date: '2026-12-03' },
    recurrence: ['RRULE:FREQ=MONTHLY;UNTIL=20270201'],
  };
  await world.api(events, { body });
  const { body: answer } = await world.api(`${events}/abcde/instances`);
  expect(
    answer['items'].map(({ id, end }: Record<string, Record<string, string>>) => [
      id,
      end!['date'],
    ]),
  ).toEqual([
    ['abcde_20261201', '2026-12-03'],
    ['abcde_20270101', '2027-01-03'],
    ['abcde_20270201', '2027-02-03'],
  ]);
});
