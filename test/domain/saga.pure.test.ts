import { expect, test } from 'vitest';
import type { Undo } from '../../src/domain/saga.ts';
import { undoStack } from '../../src/domain/saga.ts';

const undone = (name: string): Undo => ({ name, run: () => Promise.resolve('undone') });
const final = (name: string): Undo => ({ name, run: () => Promise.resolve('already-final') });

function watched() {
  const ran: string[] = [];
  const watchOver = (undo: Undo) => {
    ran.push(undo.name);
    return undo.run();
  };
  return { ran, watchOver };
}

test('undos run newest first, once', async () => {
  const { ran, watchOver } = watched();
  const undos = undoStack();
  for (const name of ['hold', 'pay', 'write']) undos.add(undone(name));
  expect(await undos.unwind(watchOver)).toBe('undone');
  expect(await undos.unwind(watchOver)).toBe('undone');
  expect(ran).toEqual(['write', 'pay', 'hold']);
});

test('past the pivot nothing older is undone, not even later', async () => {
  const { ran, watchOver } = watched();
  const undos = undoStack();
  undos.add(undone('hold'));
  undos.add(final('pay'));
  expect(await undos.unwind(watchOver)).toBe('already-final');
  expect(await undos.unwind(watchOver)).toBe('undone');
  expect(ran).toEqual(['pay']);
});

test('an undo that fails stays with all before it', async () => {
  const { ran, watchOver } = watched();
  const undos = undoStack();
  let fails = true;
  undos.add(undone('hold'));
  undos.add({
    name: 'pay',
    run: () => (fails ? Promise.reject(new Error('down')) : Promise.resolve('undone')),
  });
  await expect(undos.unwind(watchOver)).rejects.toThrow('down');
  fails = false;
  expect(await undos.unwind(watchOver)).toBe('undone');
  expect(ran).toEqual(['pay', 'pay', 'hold']);
});

test('where nothing was taken nothing is undone', async () => {
  const { ran, watchOver } = watched();
  const undos = undoStack();
  undos.add(undone('hold'));
  undos.clear();
  expect(await undos.unwind(watchOver)).toBe('undone');
  expect(ran).toEqual([]);
});
