import { openLog } from './log.ts';

/**
 * A map of JSON values whose every change is written down before the call returns.
 * Values are shared, not copied: replace them with `set`, never change them in place.
 */
export interface Collection<T> {
  get(key: string): T | undefined;
  has(key: string): boolean;
  set(key: string, value: T): void;
  delete(key: string): void;
  keys(): MapIterator<string>;
  values(): MapIterator<T>;
  entries(): MapIterator<[string, T]>;
  readonly size: number;
  clear(): void;
  close(): void;
}

type Line<T> = { k: string; v?: T };

export function openCollection<T>(stateDir: string | undefined, name: string): Collection<T> {
  const { lines, log } = openLog(stateDir, name);
  const map = new Map<string, T>();
  for (const line of lines) replay(map, JSON.parse(line) as Line<T>);
  // Only what is still true is carried into the next life of the file.
  if (lines.length > map.size) log.rewrite(currentLines(map));
  return {
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    set(key, value) {
      map.set(key, value);
      log.append(JSON.stringify({ k: key, v: value }));
    },
    delete(key) {
      if (map.delete(key)) log.append(JSON.stringify({ k: key }));
    },
    keys: () => map.keys(),
    values: () => map.values(),
    entries: () => map.entries(),
    get size() {
      return map.size;
    },
    clear() {
      map.clear();
      log.rewrite([]);
    },
    close: () => log.close(),
  };
}

function replay<T>(map: Map<string, T>, { k, v }: Line<T>): void {
  if (v === undefined) map.delete(k);
  else map.set(k, v);
}

function* currentLines<T>(map: Map<string, T>): Iterable<string> {
  for (const [k, v] of map) yield JSON.stringify({ k, v });
}
