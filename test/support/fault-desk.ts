import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './holdfast.ts';

/** What can go wrong with a call of an activity. */
export const FAULTS = [
  'fails-retryably',
  'fails-for-good',
  'answer-lost',
  'killed-before',
  'killed-after',
  'connection-dropped',
  'times-out',
] as const;
export type Fault = (typeof FAULTS)[number];

/** A call of an activity, as the worker tells it. */
export interface Call {
  activity: string;
  bookingId: string;
  isLocal: boolean;
  attempt: number;
}

/** What the worker is told to do with it. */
export type Directive =
  | { kind: 'go' | 'lose' | 'late' | 'stand-before' | 'stand-after' }
  /** For good, or in passing. */
  | { kind: 'refuse'; how: 'passing' | 'final' }
  /** The connection breaks under that statement of the call. */
  | { kind: 'cut'; statement: number };

export interface Armed {
  /** How many calls it has met. */
  met: () => number;
  /** How long ago it met one last; since it was armed where it met none. */
  quietMs: () => number;
  /** Calls that stand at their place now, for a worker to be killed. */
  standing: () => boolean;
  lift: () => void;
}

/** Says what goes wrong with which call: the worker asks it before each of a booking. */
export interface FaultDesk {
  url: string;
  arm: (
    target: { bookingId: string; activity: string },
    how: { fault: Fault; statement?: number },
  ) => Armed;
  /** Every activity that was called, with how often. */
  called: ReadonlyMap<string, number>;
  close: () => Promise<void>;
}

const PASSING_TIMES = 2;

interface Rule {
  fault: Fault;
  statement: number;
  met: number;
  metAt: number;
  stands: Set<ServerResponse>;
  lifted: boolean;
}

export async function openFaultDesk(): Promise<FaultDesk> {
  const rules = new Map<string, Rule>();
  const called = new Map<string, number>();
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      const call = JSON.parse(text) as Call;
      const rule = rules.get(placeOf(call));
      if (request.url === '/stand' && rule) return stand(rule, response);
      called.set(call.activity, (called.get(call.activity) ?? 0) + 1);
      answer(response, rule ? directive(rule) : { kind: 'go' });
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    called,
    arm(target, { fault, statement = 1 }) {
      const rule: Rule = {
        fault,
        statement,
        met: 0,
        metAt: Date.now(),
        lifted: false,
        stands: new Set(),
      };
      rules.set(placeOf(target), rule);
      return {
        met: () => rule.met,
        quietMs: () => Date.now() - rule.metAt,
        standing: () => rule.stands.size > 0,
        lift() {
          rule.lifted = true;
          for (const response of rule.stands) answer(response, { kind: 'go' });
          rule.stands.clear();
        },
      };
    },
    close: () => closed(server),
  };
}

const placeOf = ({ bookingId, activity }: { bookingId: string; activity: string }): string =>
  `${bookingId} ${activity}`;

function stand(rule: Rule, response: ServerResponse): void {
  if (rule.lifted) return answer(response, { kind: 'go' });
  rule.stands.add(response);
  response.on('close', () => rule.stands.delete(response));
}

function directive(rule: Rule): Directive {
  if (rule.lifted) return { kind: 'go' };
  rule.met += 1;
  rule.metAt = Date.now();
  switch (rule.fault) {
    case 'fails-for-good':
      return { kind: 'refuse', how: 'final' };
    case 'killed-before':
      return { kind: 'stand-before' };
    case 'killed-after':
      return { kind: 'stand-after' };
    case 'fails-retryably':
      rule.lifted = rule.met === PASSING_TIMES;
      return { kind: 'refuse', how: 'passing' };
    case 'answer-lost':
      rule.lifted = true;
      return { kind: 'lose' };
    case 'connection-dropped':
      rule.lifted = true;
      return { kind: 'cut', statement: rule.statement };
    case 'times-out':
      rule.lifted = true;
      return { kind: 'late' };
  }
}

function answer(response: ServerResponse, directive: Directive): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(directive));
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => void server.close(resolve));
}

/** Waits until each has met its call, and those that are to stand stand; answers those that do not. */
export async function untilAllMet(
  armed: ReadonlyMap<string, Armed>,
  { standing, timeoutMs }: { standing: boolean; timeoutMs: number },
): Promise<string[]> {
  const missing = () =>
    [...armed].filter(([, one]) => !(standing ? one.standing() : one.met() > 0)).map(([id]) => id);
  await until(
    () => Promise.resolve(missing()),
    (names) => names.length === 0,
    timeoutMs,
  ).catch(() => undefined);
  return missing();
}
