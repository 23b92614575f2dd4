import { z } from 'zod';
import type { ApiDependencies } from '../dependencies.ts';
import { route } from '../route.ts';
import { answerSchemas } from '../schemas/common.ts';

const PART_TIMEOUT_MS = 2_000;
const tag = 'Operation';

const Health = z.object({ ok: z.boolean() }).register(answerSchemas, { id: 'Health' });

const Readiness = z
  .object({
    ok: z.boolean(),
    parts: z.object({
      database: z.enum(['ok', 'failing']),
      workflows: z.enum(['ok', 'failing']),
    }),
  })
  .register(answerSchemas, { id: 'Readiness' });

export const healthRoutes = [
  route({
    method: 'get',
    path: '/healthz',
    id: 'health',
    tag,
    summary: 'Whether the process is up',
    scopes: null,
    answer: { status: 200, about: 'It is.', schema: Health, example: { ok: true } },
    problems: [],
    handle: async () => ({ body: { ok: true } }),
  }),
  route({
    method: 'get',
    path: '/readyz',
    id: 'readiness',
    tag,
    summary: 'Whether requests can be served',
    about: 'Asks PostgreSQL and the workflow service, each for at most two seconds.',
    scopes: null,
    answer: {
      status: 200,
      about: 'Every part answers.',
      schema: Readiness,
      example: { ok: true, parts: { database: 'ok', workflows: 'ok' } },
    },
    alsoAnswers: { 503: 'The same body; `parts` says which one fails.' },
    problems: [],
    async handle(_input, deps) {
      const [database, workflows] = await Promise.all([
        stateOf(deps, 'database', deps.database.pool.query('SELECT 1')),
        stateOf(deps, 'workflows', deps.commands.ping(PART_TIMEOUT_MS)),
      ]);
      const ok = database === 'ok' && workflows === 'ok';
      return { status: ok ? 200 : 503, body: { ok, parts: { database, workflows } } };
    },
  }),
  route({
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    tag,
    summary: 'Prometheus metrics',
    about: 'Across all tenants and without ids. Keep it inside your network.',
    scopes: null,
    answer: { status: 200, about: 'Prometheus text.', schema: null, type: 'text/plain' },
    problems: ['unavailable'],
    handle: async (_input, { metrics }) => ({ text: await metrics.render() }),
  }),
];

async function stateOf(
  { log }: ApiDependencies,
  part: string,
  answer: Promise<unknown>,
): Promise<'ok' | 'failing'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), PART_TIMEOUT_MS);
  });
  try {
    await Promise.race([answer, late]);
    return 'ok';
  } catch (error) {
    log('warn', 'a part does not answer', { part, error: (error as Error).name });
    return 'failing';
  } finally {
    clearTimeout(timer);
  }
}
