/**
 * Files made from the source: `.env.example` from `src/config.ts` and `docs/openapi.json` from the
 * API's schemas. `npm run generate` writes them; `npm run check` refuses ones that are out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '../src/api/openapi.ts';
import { LAUNCH_SETTINGS, SETTINGS } from '../src/config.ts';

const ROOT = new URL('..', import.meta.url);

export function generatedFiles(): { path: string; content: string }[] {
  return [
    { path: '.env.example', content: envExample() },
    { path: 'docs/openapi.json', content: `${JSON.stringify(openApiDocument(), null, 2)}\n` },
  ];
}

/** Paths whose content on disk is not what the source says. */
export function outOfDate(): string[] {
  return generatedFiles()
    .filter(({ path, content }) => read(path) !== content)
    .map(({ path }) => path);
}

function envExample(): string {
  const lines = [
    '# Every setting of Holdfast, made from src/config.ts. An unknown HOLDFAST_* is refused by name.',
    '# `npm start` sets what it needs by itself; copy this to .env to override.',
    '# Temporal is reached by the SDK’s own TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*.',
    '',
  ];
  const launch = Object.entries(LAUNCH_SETTINGS).map(([name, one]) => ({ name, ...one }));
  for (const { name, about, example } of [...SETTINGS, ...launch])
    lines.push(`# ${about}`, `#${name}=${example}`);
  return `${lines.join('\n')}\n`;
}

function read(path: string): string | null {
  try {
    return readFileSync(new URL(path, ROOT), 'utf8');
  } catch {
    return null;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, content } of generatedFiles()) writeFileSync(new URL(path, ROOT), content);
}
