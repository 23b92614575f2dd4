import { randomUUID } from 'node:crypto';
import express from 'express';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import type { ConnectionRef } from '../commands.ts';
import { createMarker } from '../store/marker.ts';
import type { Authenticate, Caller } from './auth.ts';
import { createAuthenticate, NOBODY } from './auth.ts';
import { bodyReader } from './body.ts';
import { createBook } from './book.ts';
import type { ApiDependencies } from './dependencies.ts';
import { asProblem, describeError } from './failures.ts';
import { createLoad } from './load.ts';
import { createMetrics } from './metrics.ts';
import { pages } from './pages.ts';
import { payPage } from './pay-page.ts';
import { PROBLEMS, Problem, problemBody } from './problem.ts';
import type { RequestLimits } from './request-limits.ts';
import { createRequestLimits } from './request-limits.ts';
import type { ApiContext, Route } from './route.ts';
import { expressPath, isLimited, sendAnswer } from './route.ts';
import { ROUTES } from './routes.ts';
import { createSignalPace } from './signal-pace.ts';

/** The whole HTTP application; it listens nowhere by itself. */
export function createApp(deps: ApiDependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.set('trust proxy', deps.config.proxies);

  const { database, config } = deps;
  const metrics = createMetrics(database);
  const load = createLoad({ database, bounds: config.loadBounds, metrics });
  const limits = createRequestLimits({
    figures: config.requestFigures,
    pool: database.pool,
    metrics,
  });
  const mark = createMarker(deps.database.pool);
  const signals = createSignalPace({ send: signalSender(deps) });
  const context = {
    ...deps,
    metrics,
    book: createBook({ metrics, load, database }),
    mark,
    signals,
  };
  const authenticate = createAuthenticate({ database, now: deps.now, limits });
  const door = { authenticate, limits };
  const methods = new Map<string, string[]>();
  for (const route of ROUTES) {
    const path = expressPath(route.path);
    app[route.method](path, serve(route, door, context));
    methods.set(path, [...(methods.get(path) ?? []), route.method.toUpperCase()]);
  }
  app.use((request, response, next) => {
    response.set(limits.ofAddress(request));
    next();
  });
  app.use(pages());
  app.use(payPage(deps.config.stripeJsUrl));
  for (const [path, allowed] of methods) app.all(path, refuseMethod(allowed));
  app.use((request, response) => {
    sendProblem(request, response, new Problem('no-such-route'));
  });
  app.use(problemHandler(deps));
  return app;
}

const signalSender =
  ({ commands, log }: ApiDependencies) =>
  ({ tenantId, connectionId }: ConnectionRef): Promise<void> =>
    commands.requestSync({ tenantId, connectionId }).catch((error: unknown) => {
      const fields = { connectionId, ...describeError(error) };
      log('warn', 'a notification waits for the sweeper', fields);
    });

/** What stands before every handler. */
interface Door {
  authenticate: Authenticate;
  limits: RequestLimits;
}

/** Key, scope and limits come first, so that nobody unknown can make us read a body. */
function serve(route: Route, door: Door, context: ApiContext): RequestHandler {
  const readBody = bodyReader(route);
  return async (request, response) => {
    const startedAt = performance.now();
    response.once('finish', () => {
      context.metrics.observe(route, response.statusCode, performance.now() - startedAt);
    });
    const caller = await admit(route, door, { request, response });
    await readBody?.(request, response);
    const answer = await route.run(request, caller, context);
    if (!response.headersSent) response.set('cache-control', 'no-store');
    sendAnswer(response, answer, route.answer.status);
  };
}

async function admit(
  route: Route,
  { authenticate, limits }: Door,
  { request, response }: { request: Request; response: Response },
): Promise<Caller> {
  if (route.scopes) {
    const caller = await authenticate(request, route.scopes);
    response.set(limits.ofCaller(caller, request.method));
    return caller;
  }
  if (isLimited(route)) response.set(limits.ofAddress(request));
  return NOBODY;
}

const refuseMethod =
  (allowed: readonly string[]): RequestHandler =>
  (request, response) => {
    // Express answers HEAD by GET and OPTIONS is nobody's concern here: there is no CORS.
    const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ');
    sendProblem(request, response, new Problem('method-not-allowed', { headers: { allow } }));
  };

const problemHandler =
  (deps: ApiDependencies): ErrorRequestHandler =>
  // oxlint-disable-next-line eslint/max-params -- Express knows error handlers by their four
  (error, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = asProblem(error);
    const instance = sendProblem(request, response, problem);
    if (PROBLEMS[problem.problem].status >= 500) {
      const { method } = request;
      deps.log('error', 'request failed', { instance, method, ...describeError(error) });
    }
  };

/** Answers the occurrence's own id, which the log carries too (RFC 9457 §3.1.5). */
function sendProblem(request: Request, response: Response, problem: Problem): string {
  const instance = `urn:uuid:${randomUUID()}`;
  const { status } = PROBLEMS[problem.problem];
  response.status(status).set({ 'cache-control': 'no-store', ...problem.extras.headers });
  // What is left of an unread body would be taken for the next request.
  if (!request.complete) response.set('connection', 'close');
  response.type('application/problem+json').send(JSON.stringify(problemBody(problem, instance)));
  return instance;
}
