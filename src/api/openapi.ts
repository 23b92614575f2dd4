import { z } from 'zod';
import { SCOPES } from './auth.ts';
import { PROBLEM_NAMES, PROBLEMS, problemType } from './problem.ts';
import type { ProblemName } from './problem.ts';
import type { Route } from './route.ts';
import { isLimited } from './route.ts';
import { ROUTES } from './routes.ts';
import { answerSchemas, requestSchemas } from './schemas/common.ts';

type Json = Record<string, unknown>;

/** The whole API as OpenAPI 3.1, made from the schemas that check requests. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const route of ROUTES)
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  return {
    openapi: '3.1.1',
    info: {
      title: 'Holdfast',
      version: '1',
      summary: "Keeps sales channels' calendars and a booking ledger telling the same story.",
      description: HABITS,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: `\`hf_<key id>_<secret>\`. Scopes: ${SCOPES.join(', ')}; \`admin\` opens everything. \`payments:write\` states prices and says that money came, so no front end has it.`,
        },
      },
      schemas: {
        ...componentsOf(requestSchemas, 'input'),
        ...componentsOf(answerSchemas, 'output'),
        Problem: PROBLEM,
      },
    },
  };
}

const HABITS = `JSON over HTTP, in Unicode without U+0000. Instants are RFC 3339 with an offset, spans are half-open, amounts are in the currency's minor unit.

Every POST that creates needs an \`Idempotency-Key\`: repeating a request with its key answers the same and creates nothing (the answer carries \`Idempotency-Replayed\`); another body under the key is refused with 422.

Failures are problem documents (RFC 9457): \`type\` is stable, \`detail\` says what to do. Unknown fields are refused by name. Lists page with \`after\` and \`limit\`.

Requests are counted by key and tenant, reading and writing apart, or by address where there is no key: \`RateLimit-Policy\` tells each limit, \`RateLimit\` what is left of it. Beyond it the answer is 429, and a new booking that the service has no room for is answered 503; both say in \`Retry-After\` when to come back.

Nothing is dropped from \`/v1\`; it is deprecated.`;

const PROBLEM: Json = {
  type: 'object',
  description: 'RFC 9457. Some problems carry further members.',
  properties: {
    type: { type: 'string', format: 'uri-reference', enum: PROBLEM_NAMES.map(problemType) },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What happened here and what to do.' },
    instance: { type: 'string', description: "This occurrence; the server's log carries it too." },
    errors: {
      type: 'array',
      description: 'With `invalid-request`.',
      items: {
        type: 'object',
        properties: {
          in: { enum: ['path', 'query', 'body'] },
          pointer: { type: 'string', description: 'RFC 6901.' },
          detail: { type: 'string' },
        },
        required: ['in', 'pointer', 'detail'],
      },
    },
    refusal: { type: 'string', description: 'Which rule refused a booking.' },
    linkedId: {
      type: 'string',
      description: 'With the refusal `linked-taken`: which of what is linked is in the way.',
    },
    nearest: {
      type: 'array',
      description: 'With `not-available` and `not-bookable`: bookable spans of the same length.',
      items: {
        type: 'object',
        properties: {
          startAt: { type: 'string', format: 'date-time' },
          endAt: { type: 'string', format: 'date-time' },
        },
        required: ['startAt', 'endAt'],
      },
    },
    validUntil: {
      type: 'string',
      format: 'date-time',
      description: 'With the refusal `beyond-horizon`: bookings are taken up to here.',
    },
  },
  required: ['type', 'title', 'status', 'detail', 'instance'],
};

function operationOf(route: Route): Json {
  const { id, tag, summary, about, scopes } = route;
  const scopeText = scopes && `Scopes, any one: ${scopes.map((one) => `\`${one}\``).join(', ')}.`;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: [about, scopeText].filter(Boolean).join('\n\n'),
    ...(scopes ? { 'x-scopes': scopes } : { security: [] }),
    parameters: parametersOf(route),
    ...requestBodyOf(route),
    responses: responsesOf(route),
  };
}

function parametersOf(route: Route): Json[] {
  const headers = {
    ...(route.idempotent
      ? { 'Idempotency-Key': 'New for each thing you create, the same when you repeat.' }
      : {}),
    ...route.headers,
  };
  return [
    ...fieldsOf(route.params, 'path'),
    ...fieldsOf(route.query, 'query'),
    ...Object.entries(headers).map(([name, description]) => ({
      name,
      in: 'header',
      required: name === 'Idempotency-Key',
      description,
      schema: { type: 'string' },
    })),
  ];
}

function fieldsOf(schema: z.ZodType | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = plain(schema);
  return Object.entries(properties as Json).map(([name, field]) => {
    const { description, ...rest } = field as Json;
    return {
      name,
      in: place,
      required: (required as string[]).includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function requestBodyOf(route: Route): Json {
  if (route.rawBodyBytes !== undefined)
    return { requestBody: { content: { '*/*': { schema: {} } } } };
  if (!route.body) return {};
  const named = requestSchemas.get(route.body);
  const schema = named ? reference(named.id) : plain(route.body);
  const example = route.bodyExample === undefined ? {} : { example: route.bodyExample };
  const required = !route.body.safeParse({}).success;
  return { requestBody: { required, content: { 'application/json': { schema, ...example } } } };
}

function responsesOf(route: Route): Json {
  const { status, about, schema, type, example, headers } = route.answer;
  const named = schema && answerSchemas.get(schema);
  const content = {
    ...(named ? { schema: reference(named.id) } : { schema: { type: 'string' } }),
    ...(example === undefined ? {} : { example }),
  };
  const answered: Json = {
    [status]: {
      description: about,
      ...(headers ? { headers: headersOf(headers) } : {}),
      ...(schema || type ? { content: { [type ?? 'application/json']: content } } : {}),
    },
  };
  for (const [other, text] of Object.entries(route.alsoAnswers ?? {}))
    answered[other] = { description: text };
  return { ...answered, ...problemResponses(problemsOf(route)) };
}

const headersOf = (headers: Record<string, string>): Json =>
  Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' } },
    ]),
  );

/** The route's own problems and those that its kind of request can always meet. */
export function problemsOf(route: Route): ProblemName[] {
  const checked = route.params ?? route.query ?? route.body;
  return [
    ...new Set<ProblemName>([
      ...route.problems,
      ...(checked ? (['invalid-request'] as const) : []),
      ...(route.scopes ? (['unauthenticated', 'forbidden', 'loopback-only'] as const) : []),
      ...(isLimited(route) ? (['too-many-requests'] as const) : []),
      ...(route.body
        ? (['malformed-json', 'body-too-large', 'unsupported-media-type'] as const)
        : []),
      ...(route.idempotent ? (['idempotency-key-missing', 'idempotency-mismatch'] as const) : []),
      'internal',
      'unavailable',
    ]),
  ];
}

function problemResponses(names: readonly ProblemName[]): Json {
  const answers: Record<string, Json> = {};
  for (const status of new Set(names.map((name) => PROBLEMS[name].status))) {
    const these = names.filter((name) => PROBLEMS[name].status === status);
    answers[status] = {
      description: these.map(explain).join('\n\n'),
      content: { 'application/problem+json': { schema: reference('Problem') } },
    };
  }
  return answers;
}

const explain = (name: ProblemName): string =>
  `[${PROBLEMS[name].title}](${problemType(name)}). ${PROBLEMS[name].todo}`;

const reference = (id: string): Json => ({ $ref: `#/components/schemas/${id}` });

const plain = (schema: z.ZodType): Json => withoutMarks(z.toJSONSchema(schema, { io: 'input' }));

function componentsOf(registry: typeof requestSchemas, io: 'input' | 'output'): Json {
  const { schemas } = z.toJSONSchema(registry, { io, uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => [id, withoutMarks(schema)]),
  );
}

/** Takes off what only a schema in a file of its own needs, and what another keyword says. */
const withoutMarks = (schema: object): Json =>
  JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => {
      if (key === '$schema' || key === '$id') return undefined;
      const isBound = key === 'minimum' || key === 'maximum';
      if (isBound && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) return undefined;
      if (typeof value !== 'object' || value === null) return value;
      const { format, pattern, ...rest } = value as Json;
      return format === 'date-time' && pattern !== undefined ? { ...rest, format } : value;
    }),
  ) as Json;
