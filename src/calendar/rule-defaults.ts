import { civilDate, DAY_SECONDS, modulo, weekdayOf } from './civil.ts';
import type { Rule } from './rule.ts';

/** Fills in from DTSTART what the rule needs and does not say (RFC 5545 §3.3.10). */
export function completed(rule: Rule, start: number): Rule {
  const time = modulo(Math.floor(start), DAY_SECONDS);
  const isSubDaily = ['SECONDLY', 'MINUTELY', 'HOURLY'].includes(rule.frequency);
  const or = (list: readonly number[], value: number) => (list.length > 0 ? list : [value]);
  return {
    ...rule,
    ...dayDefaults(rule, Math.floor(start / DAY_SECONDS)),
    hours: isSubDaily ? rule.hours : or(rule.hours, Math.floor(time / 3600)),
    minutes:
      rule.frequency === 'SECONDLY' || rule.frequency === 'MINUTELY'
        ? rule.minutes
        : or(rule.minutes, Math.floor((time % 3600) / 60)),
    seconds: rule.frequency === 'SECONDLY' ? rule.seconds : or(rule.seconds, time % 60),
  };
}

function dayDefaults(rule: Rule, startDay: number): Partial<Rule> {
  const { month, day } = civilDate(startDay);
  const weekday = [{ weekday: weekdayOf(startDay), nth: 0 }];
  const saysDay = [rule.yearDays, rule.monthDays, rule.days].some((list) => list.length > 0);
  if (saysDay) return {};
  if (rule.frequency === 'WEEKLY') return { days: weekday };
  if (rule.frequency === 'MONTHLY') return { monthDays: [day] };
  if (rule.frequency !== 'YEARLY') return {};
  if (rule.weekNumbers.length > 0) return { days: weekday };
  return { monthDays: [day], months: rule.months.length > 0 ? rule.months : [month] };
}
