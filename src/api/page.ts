/** A page of a list sorted by `keyOf`: `next` is the last key when more may follow. */
export function pageOf<S, T>(
  rows: readonly S[],
  how: { limit: number; keyOf: (row: S) => string; show: (row: S) => T },
): { items: T[]; next: string | null } {
  const last = rows.length === how.limit ? rows.at(-1) : undefined;
  return {
    items: rows.map((row) => how.show(row)),
    next: last === undefined ? null : how.keyOf(last),
  };
}
