import type { Ask, Once, Page, PageQuery } from './calls.ts';
import { keyed, pathOf } from './calls.ts';
import type * as t from './types.ts';

/** Fixed times with a counter of places, of a resource that sells sessions. */
export interface SessionVerbs {
  create(resourceId: string, sessions: t.NewSessions, once?: Once): Promise<t.Session[]>;
  /** Those that begin between two instants, by start. */
  list(
    resourceId: string,
    query?: PageQuery & { from?: string; to?: string },
  ): Promise<Page<t.Session>>;
  get(resourceId: string, sessionId: string): Promise<t.Session>;
  change(resourceId: string, sessionId: string, patch: t.SessionPatch): Promise<t.Session>;
  /** Sells no more of it; what is booked stays. */
  cancel(resourceId: string, sessionId: string): Promise<t.Session>;
}

export function sessionVerbs(ask: Ask): SessionVerbs {
  const at = (...[id, ...rest]: string[]) => pathOf('resources', id!, 'sessions', ...rest);
  return {
    create: async (id, sessions, once) =>
      (await ask<{ sessions: t.Session[] }>('POST', at(id), keyed(sessions, once))).sessions,
    list: (id, query) => ask('GET', at(id), { query }),
    get: (id, sessionId) => ask('GET', at(id, sessionId)),
    change: (id, sessionId, body) => ask('PATCH', at(id, sessionId), { body }),
    cancel: (id, sessionId) => ask('DELETE', at(id, sessionId)),
  };
}
