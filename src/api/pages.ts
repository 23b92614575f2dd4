import { Router } from 'express';

/** Pages for people: what each problem means, the API's document, and a reader for it. */
export function pages(): Router {
  return Router();
}
