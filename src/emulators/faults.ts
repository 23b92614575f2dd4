import type { Collection } from './collection.ts';

/** A scripted fault: which calls it meets, and what happens to them. */
export interface FaultScript {
  host: string;
  method?: string;
  /** Source of a regular expression, searched in the path and in the path with its query. */
  path?: string;
  /** How many calls it meets; 1 when absent. */
  times?: number;
  /** How many matching calls pass untouched first. */
  skip?: number;
  delayMs?: number;
  /** Answers instead of the host. Without `body` the host's own error shape is used. */
  status?: number;
  /** Added to the answer, whoever gives it. */
  headers?: Record<string, string>;
  body?: unknown;
  /** Destroys the connection before the call is done, or after it is done and not answered. */
  drop?: 'before' | 'after';
  /** Sends half of the answer's body, then destroys the connection. */
  cutBody?: boolean;
  /** Holds the call under this name until it is released. */
  hold?: string;
  holdAt?: 'before' | 'after';
  /** Leaves `status` and `body` to the host, which finds the fault through `scriptedFault(res)`. */
  stored?: boolean;
}

export interface Fault extends FaultScript {
  id: string;
  timesLeft: number;
  skipLeft: number;
  hits: number;
}

export interface Call {
  host: string;
  method: string;
  path: string;
  pathWithQuery: string;
}

export interface FaultBook {
  add(script: FaultScript): Fault;
  /** The first fault, in the order of adding, that meets this call; it is counted as met. */
  take(call: Call): Fault | undefined;
  list(): Fault[];
  remove(id: string): boolean;
  clear(): void;
}

export function createFaultBook(stored: Collection<Fault>, nextId: () => string): FaultBook {
  return {
    add(script) {
      const id = nextId();
      const { times = 1, skip = 0 } = script;
      const fault: Fault = { ...script, id, timesLeft: times, skipLeft: skip, hits: 0 };
      stored.set(id, fault);
      return fault;
    },
    take(call) {
      if (stored.size === 0) return undefined;
      for (const fault of stored.values()) {
        if (fault.timesLeft === 0 || !meets(fault, call)) continue;
        if (fault.skipLeft > 0) {
          stored.set(fault.id, { ...fault, skipLeft: fault.skipLeft - 1 });
          continue;
        }
        const met = { ...fault, timesLeft: fault.timesLeft - 1, hits: fault.hits + 1 };
        stored.set(fault.id, met);
        return met;
      }
      return undefined;
    },
    list: () => [...stored.values()],
    remove(id) {
      const known = stored.has(id);
      stored.delete(id);
      return known;
    },
    clear: () => stored.clear(),
  };
}

function meets(fault: Fault, call: Call): boolean {
  if (fault.host !== call.host) return false;
  if (fault.method !== undefined && fault.method.toUpperCase() !== call.method) return false;
  if (fault.path === undefined) return true;
  const pattern = new RegExp(fault.path);
  return pattern.test(call.path) || pattern.test(call.pathWithQuery);
}

const known = {
  host: 'string',
  method: 'string',
  path: 'string',
  times: 'number',
  skip: 'number',
  delayMs: 'number',
  status: 'number',
  headers: 'object',
  body: 'any',
  drop: 'string',
  cutBody: 'boolean',
  hold: 'string',
  holdAt: 'string',
  stored: 'boolean',
} as const satisfies Record<keyof FaultScript, string>;

/** What is wrong with a fault as posted, in words for the person who wrote it. */
export function faultComplaint(script: Record<string, unknown>): string | undefined {
  if (typeof script['host'] !== 'string') {
    return 'A fault needs "host": google, microsoft, caldav, feeds or stripe.';
  }
  for (const [name, value] of Object.entries(script)) {
    if (!Object.hasOwn(known, name)) {
      return `A fault has no "${name}". Known: ${Object.keys(known).join(', ')}.`;
    }
    const kind = known[name as keyof typeof known];
    if (kind !== 'any' && typeof value !== kind) return `A fault's "${name}" is a ${kind}.`;
  }
  const { drop, holdAt, path } = script;
  const sides: unknown[] = ['before', 'after', undefined];
  if (!sides.includes(drop) || !sides.includes(holdAt)) {
    return 'A fault\'s "drop" and "holdAt" are "before" or "after".';
  }
  return typeof path === 'string' ? patternComplaint(path) : undefined;
}

function patternComplaint(source: string): string | undefined {
  try {
    new RegExp(source);
    return undefined;
  } catch {
    return 'A fault\'s "path" is the source of a regular expression; this one does not parse.';
  }
}
