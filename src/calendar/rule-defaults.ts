import { civilDate, DAY_SECONDS, modulo, weekdayOf } from './civil.ts';
import type { Rule } from './rule.ts';

/**
 * Fills in from DTSTART what the rule needs and does not say (RFC 5545 §3.3.10). Where the RFC
 * leaves a choice: days of the month in a yearly rule are in DTSTART's month, and numbered weeks
 * give DTSTART's weekday.
 */
export function completed(rule: Rule, start: number): Rule {
  const time = modulo(start, DAY_SECONDS);
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
  const { frequency, months, weekNumbers, yearDays, monthDays, days } = rule;
  const { month, day } = civilDate(startDay);
  const weekday = [{ weekday: weekdayOf(startDay), nth: 0 }];
  if (frequency === 'YEARLY' && weekNumbers.length + yearDays.length === 0) {
    const isByMonth = monthDays.length > 0 || days.length === 0;
    return {
      months: months.length > 0 || !isByMonth ? months : [month],
      monthDays: monthDays.length > 0 || days.length > 0 ? monthDays : [day],
    };
  }
  if (yearDays.length + monthDays.length + days.length > 0) return {};
  if (frequency === 'WEEKLY' || frequency === 'YEARLY') return { days: weekday };
  return frequency === 'MONTHLY' ? { monthDays: [day] } : {};
}
