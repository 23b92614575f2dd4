/**
 * The gate before a booking's workflow. Rivals for one span ask the same question at the same
 * moment, so a question that is being asked is asked once more for all who came meanwhile; and only
 * a few starts of one resource are under way at a time, since the store takes them one by one.
 */

/**
 * Shares one reading among all who ask for a key at once. Nobody gets a reading that began before he
 * asked: who comes while one is under way waits for the next.
 */
export function createCoalescer<T>(): (key: string, read: () => Promise<T>) => Promise<T> {
  const running = new Map<string, { now: Promise<T>; next: Promise<T> | null }>();
  const begin = (key: string, read: () => Promise<T>): Promise<T> => {
    const entry = { now: read(), next: null as Promise<T> | null };
    running.set(key, entry);
    const forget = () => {
      if (running.get(key) === entry && entry.next === null) running.delete(key);
    };
    entry.now.then(forget, forget);
    return entry.now;
  };
  return (key, read) => {
    const entry = running.get(key);
    if (!entry) return begin(key, read);
    entry.next ??= entry.now.then(
      () => begin(key, read),
      () => begin(key, read),
    );
    return entry.next;
  };
}

/** Few enough for one statement, and for an answer that nobody waits long for. */
const MOST_TOGETHER = 500;

/** Makes one question of all that come while the one before is being answered. */
export function createBatcher<Ask, Answer>(
  readAll: (asks: Ask[]) => Promise<Answer[]>,
): (ask: Ask) => Promise<Answer> {
  const waiting: { ask: Ask; answered: (answer: Promise<Answer>) => void }[] = [];
  let isReading = false;
  const read = async (): Promise<void> => {
    isReading = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MOST_TOGETHER);
      const answers = readAll(batch.map(({ ask }) => ask));
      for (const [n, { answered }] of batch.entries()) answered(answers.then((all) => all[n]!));
      await answers.catch(() => undefined);
    }
    isReading = false;
  };
  return (ask) =>
    new Promise((answered) => {
      waiting.push({ ask, answered });
      if (!isReading) void read();
    });
}

/** What one of several who want the same knows of the others. */
export interface Rivals {
  /** Whether another's attempt came to an end since he came. */
  haveTried: () => boolean;
  tried: () => void;
}

/** Tells who wants the same as others whether what he read when he came may be out of date. */
export function createRivalry(): <T>(
  key: string,
  work: (rivals: Rivals) => Promise<T>,
) => Promise<T> {
  const present = new Map<string, { heads: number; attempts: number }>();
  return async (key, work) => {
    const all = present.get(key) ?? { heads: 0, attempts: 0 };
    present.set(key, all);
    all.heads += 1;
    const before = all.attempts;
    try {
      return await work({
        haveTried: () => all.attempts > before,
        tried: () => void (all.attempts += 1),
      });
    } finally {
      if ((all.heads -= 1) === 0) present.delete(key);
    }
  };
}

/** `ahead`: before all who wait without it, and without their bounds. */
export type Limiter = <T>(key: string, work: () => Promise<T>, ahead?: boolean) => Promise<T>;

/** How long the line for one key may be, in heads and in time. */
export interface LineBounds {
  waiting: number;
  waitMs: number;
  /** What is thrown at who finds the line full, or has waited in vain. */
  refuse: (why: 'waiting' | 'waited') => Error;
}

interface Lane {
  running: number;
  /** Each in order of arrival; who has the place is called, and who gave up is not in it. */
  ahead: Set<() => void>;
  waiting: Set<() => void>;
}

/** Runs at most `limit` works per key at a time; the others wait in order, within bounds if given. */
export function createLimiter(limit: number, bounds: LineBounds | null = null): Limiter {
  const lanes = new Map<string, Lane>();
  return async (key, work, ahead = false) => {
    const lane = lanes.get(key) ?? { running: 0, ahead: new Set(), waiting: new Set() };
    lanes.set(key, lane);
    // A place is handed over by who leaves, so that nobody slips in between.
    if (lane.running >= limit)
      await (ahead ? place(lane.ahead, null) : place(lane.waiting, bounds));
    else lane.running += 1;
    try {
      return await work();
    } finally {
      const line = lane.ahead.size > 0 ? lane.ahead : lane.waiting;
      const [next] = line;
      if (next) {
        line.delete(next);
        next();
      } else if ((lane.running -= 1) === 0) lanes.delete(key);
    }
  };
}

async function place(waiting: Set<() => void>, bounds: LineBounds | null): Promise<void> {
  if (bounds && waiting.size >= bounds.waiting) throw bounds.refuse('waiting');
  const { promise, resolve, reject } = resolvers();
  waiting.add(resolve);
  if (!bounds) return promise;
  const giveUp = () => {
    waiting.delete(resolve);
    reject(bounds.refuse('waited'));
  };
  const timer = setTimeout(giveUp, bounds.waitMs);
  return promise.finally(() => clearTimeout(timer));
}

function resolvers() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
