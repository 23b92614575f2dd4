import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ATTENTIONS, nothingLeft, otherWay, STEPS } from '../../src/domain/attention.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (pattern: string): string =>
  globSync(pattern, { cwd: root })
    .map((file) => readFileSync(`${root}${file}`, 'utf8'))
    .join('\n');
const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found]) => found!);
const kebab = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Of bookings; `watched` itself calls for others. */
const stories = read('temporal/workflows/{booking,change,collecting,forward,pay}*.ts');
const functions = read('prisma/migrations/*/migration.sql');

test('every call for a person that the code makes has a name here', () => {
  const called = new Set([
    ...all(functions, /flag_attention\([^;]*?'([a-z-]+)'\)/g),
    ...all(functions, /flag_attention\([^;]*THEN '([a-z-]+)'/g),
    ...all(functions, /flag_attention\([^;]*ELSE '([a-z-]+)' END/g),
    ...all(stories, /attention: '([a-z-]+)'/g),
  ]);
  expect([...called].toSorted()).toEqual(ATTENTIONS.toSorted());
});

test('and so has every step that can be stuck', () => {
  const acts = all(stories, /\b(?:ledger|collectingLedger)\.(\w+)\(/g);
  const taken = all(stories, /const \{ ([\w, ]+) \} = watchedLedger/g);
  const named = all(stories, /\bname: '([a-z-]+)'/g);
  const steps = new Set([
    ...named,
    ...[...acts, ...taken.flatMap((one) => one.split(', '))].map(kebab),
  ]);
  expect([...steps].toSorted()).toEqual(STEPS.toSorted());
});

const operations = readFileSync(`${root}docs/operations.md`, 'utf8');
const table = operations
  .slice(operations.indexOf('| attention |'), operations.indexOf('### Conflicts'))
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(' | '));
const rowOf = (name: string): string[] =>
  table.find(([cell]) => cell!.includes(`\`${name}\``)) ?? [];

const names = [...ATTENTIONS, ...STEPS.map((step) => `stuck-${step}`)];

test('the table of operations names each of them once, and nothing else', () => {
  const named = table.flatMap(([cell]) => all(cell!, /`([a-z-]+)`/g));
  expect(named.toSorted()).toEqual(names.toSorted());
});

test.each(names)('the table says what %s means and what can be done', (name) => {
  const cells = rowOf(name);
  expect(cells).toHaveLength(4);
  expect(cells.filter((cell) => cell.length < 5)).toEqual([]);
});

test.each(ATTENTIONS)('the table says whether a decision about %s is refused', (name) => {
  const [, , retry, byHand] = rowOf(name);
  expect(retry!.startsWith('is refused')).toBe(otherWay(name, 'retry') !== null);
  expect(byHand!.startsWith('is refused')).toBe(otherWay(name, 'resolved-by-hand') !== null);
});

test('what can be tried only for a time says what to do after it', () => {
  const limited = ATTENTIONS.filter((name) => rowOf(name)[2]!.includes('; refused once'));
  expect(ATTENTIONS.filter((name) => nothingLeft(name) !== null)).toEqual(limited);
});
