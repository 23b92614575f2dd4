import { readFileSync } from 'node:fs';
import { Router } from 'express';
import type { Response } from 'express';
import { openApiDocument } from './openapi.ts';
import { PROBLEM_NAMES, PROBLEMS } from './problem.ts';
import type { ProblemName } from './problem.ts';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'";

/** Pages for people: what each problem means, the API's document, and a reader for it. */
export function pages(): Router {
  const router = Router();
  const document = JSON.stringify(openApiDocument());
  const files = { html: read('docs.html'), js: read('docs.js'), css: read('docs.css') };
  const send = (response: Response, type: string, content: string) =>
    response
      .set({ 'content-security-policy': POLICY, 'cache-control': 'no-cache' })
      .type(type)
      .send(content);
  router.get('/openapi.json', (_request, response) => send(response, 'application/json', document));
  router.get('/docs', (_request, response) => send(response, 'html', files.html));
  router.get('/docs/docs.js', (_request, response) => send(response, 'js', files.js));
  router.get('/docs/docs.css', (_request, response) => send(response, 'css', files.css));
  for (const name of PROBLEM_NAMES)
    router.get(`/problems/${name}`, (_request, response) =>
      send(response, 'html', problemPage(name)),
    );
  return router;
}

const read = (name: string): string =>
  readFileSync(new URL(`./docs/${name}`, import.meta.url), 'utf8');

/** Holds nothing but our own words, which need no escaping. */
function problemPage(name: ProblemName): string {
  const { title, status, todo } = PROBLEMS[name];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<link rel="stylesheet" href="/docs/docs.css">
<main>
<p><a href="/docs">API</a> / problems / ${name}</p>
<h1>${title}</h1>
<p>Status ${status}</p>
<p>${todo.replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</p>
</main>
</html>`;
}
