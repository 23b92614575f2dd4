import type { WallTime } from '../domain/event.ts';
import { DAY_SECONDS } from './civil.ts';
import { occurrences } from './occurrences.ts';
import type { Rule } from './rule.ts';
import { untilBound } from './rule-walk.ts';
import { shapeOf } from './shape.ts';
import { instantToWall, wallToInstant } from './zones.ts';

export interface PlainRule {
  rule: Rule;
  start: WallTime;
  /** Epoch milliseconds, half-open; an instance is within by its start. */
  window: { fromAt: number; untilAt: number };
  /** Where floating times and whole days are. */
  zone: string;
  /** DTSTART too where the rule does not generate it; it uses none of COUNT. */
  withStart?: boolean;
  limits: { maxInstances: number; maxSteps: number };
}

export interface Instance {
  /** Wall seconds as clocks of the start's zone show them. */
  wall: number;
  at: number;
}

/**
 * The instances of one rule and nothing else, ascending, each instant once; `truncated` when a limit
 * cut them short. Throws `WallTimeError` for a start that is no real time.
 */
export function ruleInstances(asked: PlainRule): { instances: Instance[]; truncated: boolean } {
  const { start, zone, window, limits } = asked;
  const shape = shapeOf({ start, end: null }, { zone, dayZone: zone, nights: null })!;
  const bound = untilBound(asked.rule, shape);
  const rule = shape.isDate ? { ...asked.rule, hours: [], minutes: [], seconds: [] } : asked.rule;
  const budget = { left: limits.maxSteps };
  const walls = occurrences({
    rule,
    start: shape.start,
    from: instantToWall(window.fromAt, shape.zone) - DAY_SECONDS,
    until: Math.min(instantToWall(window.untilAt, shape.zone) + DAY_SECONDS, bound.wall),
    budget,
    limit: limits.maxInstances,
  });
  const starts = asked.withStart ? [shape.start, ...walls] : walls;
  const instances: Instance[] = [];
  for (const wall of starts) {
    const day = shape.isDate ? Math.floor(wall / DAY_SECONDS) * DAY_SECONDS : wall;
    const at = wallToInstant(day, shape.zone);
    if (at < window.fromAt || at >= window.untilAt) continue;
    if (at > bound.at && wall !== shape.start) continue;
    instances.push({ wall: instantToWall(at, shape.zone), at });
  }
  // A clock change moves what it skips past later ones, or onto them.
  instances.sort((a, b) => a.at - b.at);
  return {
    instances: instances.filter(({ at }, index) => at !== instances[index - 1]?.at),
    truncated: budget.left < 0 || walls.length >= limits.maxInstances,
  };
}
