import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonHistory } from '../support/history.ts';

/** Recorded histories, one file each, named after what happened in them. */
const FOLDER = fileURLToPath(new URL('./histories/', import.meta.url));

export interface NamedHistory {
  name: string;
  workflowId: string;
  history: JsonHistory;
}

export const readHistories = (): NamedHistory[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => ({
      name: file.replace('.json', ''),
      ...(JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8')) as Omit<NamedHistory, 'name'>),
    }));

export function writeHistory({ name, workflowId, history }: NamedHistory): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}${name}.json`, `${JSON.stringify({ workflowId, history }, null, 1)}\n`);
}

/** Without the traces of the machine that made it: who worked on what, and where its code lies. */
export const scrubbed = (history: JsonHistory): JsonHistory => scrub(history) as JsonHistory;

function scrub(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => scrub(one));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, scrub(one, name)]));
  if (typeof value !== 'string') return value;
  if (key === 'identity') return 'worker';
  if (key === 'stackTrace') return '';
  // Sticky queues are named after process and host.
  return key === 'name' && value.includes('@') ? 'sticky' : value;
}
