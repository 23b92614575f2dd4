import { z } from 'zod';
import { Problem } from './problem.ts';
import { Instant } from './schemas/common.ts';

/** Where a list of sessions goes on: begin and id of the last one of the page before. */
export interface SessionPosition {
  startAt: string;
  id: string;
}

export const AfterSession = z
  .string()
  .regex(/^\d{4}-[^_]{1,30}Z_[A-Za-z0-9_-]{1,64}$/, 'must be `next` of the page before')
  .optional();

export const positionOf = ({ startAt, id }: { startAt: string; id: string }): string =>
  `${startAt}_${id}`;

export function afterPosition(after: string | undefined): SessionPosition | null {
  if (after === undefined) return null;
  const at = after.indexOf('_');
  const startAt = after.slice(0, at);
  if (!Instant.safeParse(startAt).success) throw noSuchPage();
  return { startAt, id: after.slice(at + 1) };
}

export const noSuchPage = (): Problem =>
  new Problem('invalid-request', {
    detail: '`after` must be `next` of the page before.',
    more: { errors: [{ in: 'query', pointer: '/after', detail: 'is no page of this list' }] },
  });
