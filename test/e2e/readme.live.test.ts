import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneProject, type Clone } from '../support/clone.ts';
import { answersOf, asScript, difference, readmeBlocks } from '../support/readme.ts';

let clone: Clone;
beforeAll(async () => {
  clone = await cloneProject();
  await clone.start();
}, 240_000);
afterAll(() => clone.remove());

it('everything the README tells a newcomer to paste answers what it says, twice over', async () => {
  const blocks = readmeBlocks(readFileSync(join(clone.folder, 'README.md'), 'utf8'));
  expect(blocks.length).toBeGreaterThan(6);
  expect(blocks.filter(({ answer }) => answer === null)).toEqual([]);
  for (const _ of ['first', 'again']) {
    const { stdout, stderr } = await clone.run('bash', ['-c', asScript(blocks)]);
    const answers = answersOf(stdout);
    const standIns = new Map<string, string>();
    const differences = blocks.map(({ answer }, index) =>
      difference(answer ?? '', answers[index] ?? '', standIns),
    );
    expect(differences.filter((one) => one !== null)).toEqual([]);
    expect(stderr).toBe('');
  }
});

it('the README is short, and every file it points to is there', () => {
  const readme = readFileSync(join(clone.folder, 'README.md'), 'utf8');
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(162);
  const paths = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, path = '']) => path);
  expect(paths.filter((path) => !existsSync(join(clone.folder, path)))).toEqual([]);
});
