import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Caller, Scope } from './auth.ts';
import type { Book } from './book.ts';
import type { Mark } from '../store/marker.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { Metrics } from './metrics.ts';
import type { ProblemName } from './problem.ts';
import { Problem } from './problem.ts';
import type { SignalPace } from './signal-pace.ts';
import { unstorable } from './text.ts';

/** What handlers are given: what the API was given, and what one process keeps in common. */
export interface ApiContext extends ApiDependencies {
  metrics: Metrics;
  book: Book;
  mark: Mark;
  signals: SignalPace;
}

/**
 * A route as data: what checks a request also documents it. `path` is in OpenAPI's form,
 * `/v1/things/{thingId}`.
 */
export interface RouteFacts {
  method: 'get' | 'post' | 'patch' | 'delete';
  path: string;
  /** OpenAPI `operationId`. */
  id: string;
  tag: string;
  summary: string;
  about?: string;
  /** Any one of them opens the route; null is a route without a key. */
  scopes: readonly Scope[] | null;
  /** Needs an Idempotency-Key header. */
  idempotent?: boolean;
  /** Takes the body as bytes of any type, up to this many. */
  rawBodyBytes?: number;
  /** Further request headers, for the document. */
  headers?: Record<string, string>;
  answer: {
    status: number;
    about: string;
    /** JSON unless `type` says otherwise; null has no body. */
    schema: z.ZodType | null;
    type?: string;
    example?: unknown;
    headers?: Record<string, string>;
  };
  /** Other answers that are no problems, e.g. 304. */
  alsoAnswers?: Record<number, string>;
  problems: readonly ProblemName[];
  bodyExample?: unknown;
}

export interface Input<P, Q, B> {
  /** `NOBODY` on routes without a key. */
  caller: Caller;
  params: P;
  query: Q;
  body: B;
  rawBody: Uint8Array;
  header: (name: string) => string | undefined;
  /** Names in lower case. */
  headers: Record<string, string | undefined>;
  /** The path as asked, without a query. */
  pathname: string;
}

export interface Answer {
  /** The documented one when left out. */
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Ready to send, in place of `body`. */
  text?: { type: string; content: string | Buffer };
  /** Runs when the answer is on its way; must not throw. */
  after?: () => void;
}

interface RouteSpec<P, Q, B> extends RouteFacts {
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  body?: z.ZodType<B>;
  handle(input: Input<P, Q, B>, deps: ApiContext): Promise<Answer>;
}

export interface Route extends RouteFacts {
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  run(request: Request, caller: Caller, deps: ApiContext): Promise<Answer>;
}

/**
 * Hosts report from few addresses, in storms, and what they report must not be lost; probes must tell
 * the truth under load. Both cost one statement at most.
 */
const UNLIMITED_TAGS = new Set(['Inbound', 'Operation']);

/** Whether requests of this route are counted. */
export const isLimited = (route: RouteFacts): boolean =>
  route.scopes !== null || !UNLIMITED_TAGS.has(route.tag);

/** Ties handler and schemas together by type, and forgets the types for the list of routes. */
export function route<P = unknown, Q = unknown, B = unknown>(spec: RouteSpec<P, Q, B>): Route {
  return {
    ...spec,
    run: (request, caller, deps) =>
      spec.handle(
        {
          caller,
          params: check(spec.params, request.params, 'path'),
          query: check(spec.query, request.query, 'query'),
          body: check(spec.body, request.body, 'body'),
          rawBody: Buffer.isBuffer(request.body) ? request.body : NOTHING,
          header: (name) => request.get(name),
          headers: request.headers as Record<string, string | undefined>,
          pathname: request.path,
        },
        deps,
      ),
  };
}

const NOTHING = new Uint8Array();

function check<T>(schema: z.ZodType<T> | undefined, value: unknown, place: Place): T {
  if (!schema) return undefined as T;
  const parsed = schema.safeParse(value);
  const errors = parsed.success
    ? unstorable(parsed.data).map((path) => textError(path, place))
    : parsed.error.issues.flatMap((issue) => errorsOf(issue, place, value));
  if (parsed.success && errors.length === 0) return parsed.data;
  throw new Problem('invalid-request', {
    detail: `The ${place} is not valid: correct what \`errors\` lists.`,
    more: { errors },
  });
}

type Place = 'path' | 'query' | 'body';

/** Names fields and rules, never the values given: they may be personal. */
function errorsOf(issue: z.core.$ZodIssue, place: Place, value: unknown) {
  const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys : [];
  if (unknownKeys.length > 0) {
    return unknownKeys.map((key) => ({
      in: place,
      pointer: pointerOf([...issue.path, key]),
      detail: 'is not a known field',
    }));
  }
  return [{ in: place, pointer: pointerOf(issue.path), detail: detailOf(issue, value) }];
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: '`true` or `false`',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  string: 'a string',
};

/** The rule as the schema says it; where it says nothing, in words like its own. */
function detailOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_union' && 'options' in issue) return oneOf(issue.options as string[]);
  if (issue.code === 'invalid_value') return oneOf(issue.values);
  if (issue.code !== 'invalid_type') return issue.message;
  if (at(value, issue.path) === undefined) return 'is missing';
  const kind = issue.message.startsWith('Invalid input') && KINDS[issue.expected];
  return kind ? `must be ${kind}` : issue.message;
}

const oneOf = (values: readonly unknown[]): string =>
  values.length === 1 ? `must be ${String(values[0])}` : `must be one of ${values.join(', ')}`;

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );

const textError = (path: readonly string[], place: Place) => ({
  in: place,
  pointer: pointerOf(path),
  detail: 'must be whole Unicode text without U+0000',
});

/** RFC 6901 §3. */
const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((one) => `/${String(one).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** The Express form of an OpenAPI path. */
export const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

export function sendAnswer(response: Response, answer: Answer, documented: number): void {
  response.status(answer.status ?? documented);
  if (answer.headers) response.set(answer.headers);
  if (answer.text) response.type(answer.text.type).send(answer.text.content);
  else if (answer.body === undefined) response.end();
  else response.json(answer.body);
  answer.after?.();
}
