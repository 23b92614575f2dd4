import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { openApiDocument } from '../../src/api/openapi.ts';
import { PROBLEM_NAMES } from '../../src/api/problem.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { answerSchemas, requestSchemas } from '../../src/api/schemas/common.ts';

const document = openApiDocument() as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};
interface Operation {
  operationId: string;
  parameters: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: object; example?: unknown }> };
  responses: Record<string, { content?: Record<string, { schema: object; example?: unknown }> }>;
}
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

test('every example is valid by its own schema', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'doc', components: document.components });
  const bodies = operations.flatMap((one) => [
    ...Object.values(one.requestBody?.content ?? {}),
    ...Object.values(one.responses).flatMap((answer) => Object.values(answer.content ?? {})),
  ]);
  const examples = bodies.filter((body) => body.example !== undefined);
  expect(examples.length).toBeGreaterThan(10);
  for (const { schema, example } of examples) {
    const here = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc#/')) as object;
    const valid = ajv.validate(here, example);
    expect({ example, valid, errors: ajv.errors }).toMatchObject({ valid: true });
  }
});

test('every reference leads somewhere, and every operation has an id of its own', () => {
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(Object.keys(document.components.schemas)).toContain(name);
  const ids = operations.map((one) => one.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('path parameters are documented, and each POST that creates asks for its key', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((one) => one[1]);
    for (const operation of Object.values(methods)) {
      const documented = operation.parameters.filter((one) => one.in === 'path');
      expect(documented.map((one) => one.name)).toEqual(named);
    }
  }
  const creating = ROUTES.filter((route) => route.answer.status === 201);
  expect(creating.filter((route) => !route.idempotent).map((route) => route.id)).toEqual([]);
});

test('bodies and answers are named schemas, and every problem is told by some route or all', () => {
  for (const route of ROUTES) {
    const named =
      route.body && (requestSchemas.has(route.body) || route.body.safeParse({}).success);
    expect([route.id, route.body ? named : true]).toEqual([route.id, true]);
    const { schema } = route.answer;
    expect([route.id, schema === null || answerSchemas.has(schema)]).toEqual([route.id, true]);
  }
  const everywhere = new Set(['no-such-route', 'method-not-allowed']);
  const text = JSON.stringify(document.paths);
  const untold = PROBLEM_NAMES.filter((name) => !text.includes(`/problems/${name})`));
  expect(new Set(untold)).toEqual(everywhere);
});
