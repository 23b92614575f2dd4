import type { Request, Response } from 'express';
import { selectFields } from './fields.ts';
import { standardParameter } from './parameters.ts';

/** A JSON answer, reduced to `fields` where the call asks so. */
export function answer(req: Request, res: Response, value: unknown): void {
  const fields = standardParameter(req, 'fields');
  res.set('Cache-Control', 'no-cache, no-store, max-age=0, must-revalidate');
  res.set('Vary', 'Origin, X-Origin, Referer');
  res.json(fields === undefined ? value : selectFields(value, fields));
}
