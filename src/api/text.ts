/** PostgreSQL keeps U+0000 in no text, and half a surrogate pair in no JSON. */
export const isStorable = (text: string): boolean =>
  !text.includes('\0') && !/\p{Surrogate}/u.test(text);

/** Where in a checked value, names of fields included, there is text that cannot be stored. */
export function unstorable(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value === 'string') return isStorable(value) ? [] : [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => {
    const here = [...path, name];
    return isStorable(name) ? unstorable(one, here) : [here];
  });
}
