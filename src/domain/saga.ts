/**
 * A saga's undos, newest first. An undo is registered before its act, because an act whose answer
 * was lost may have happened; so every undo is safe after zero, one or two acts.
 */
export interface Undo {
  /** What it lets go of, e.g. `release-hold`. */
  name: string;
  /** `already-final`: the ledger is past the pivot, so nothing may be undone any more. */
  run: () => Promise<'undone' | 'already-final'>;
}

export interface UndoStack {
  add(undo: Undo): void;
  /** Nothing was taken, so nothing is to undo. */
  clear(): void;
  /**
   * Runs and empties. `watchOver` runs one undo and may call somebody when it takes long; an undo
   * that fails stays, with all before it, to be unwound again.
   */
  unwind(
    watchOver: (undo: Undo) => Promise<'undone' | 'already-final'>,
  ): Promise<'undone' | 'already-final'>;
}

export function undoStack(): UndoStack {
  const undos: Undo[] = [];
  return {
    add: (undo) => void undos.push(undo),
    clear: () => void (undos.length = 0),
    async unwind(watchOver) {
      for (let undo = undos.at(-1); undo; undo = undos.at(-1)) {
        if ((await watchOver(undo)) === 'already-final') {
          undos.length = 0;
          return 'already-final';
        }
        undos.pop();
      }
      return 'undone';
    },
  };
}
