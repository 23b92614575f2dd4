/** A form-encoded body or query as nested strings: `a[b]=1&c[]=2` is `{ a: { b: '1' }, c: ['2'] }`. */
export type FormValue = string | FormValue[] | { [key: string]: FormValue };
export type Form = { [key: string]: FormValue };

const MAX_DEPTH = 8;

/** Reads Stripe's bracket notation (docs.stripe.com/api, "form-encoded request bodies"). */
export function parseForm(text: string): Form {
  const root: Form = Object.create(null) as Form;
  for (const [name, value] of new URLSearchParams(text)) {
    place(root, pathOf(name), value);
  }
  return withLists(root) as Form;
}

function pathOf(name: string): string[] {
  const bracket = name.indexOf('[');
  if (bracket <= 0) return [name];
  const rest = name.slice(bracket);
  const keys = [...rest.matchAll(/\[([^[\]]*)\]/g)].map((match) => match[1] ?? '');
  const consumed = keys.reduce((length, key) => length + key.length + 2, 0);
  return consumed === rest.length && keys.length < MAX_DEPTH
    ? [name.slice(0, bracket), ...keys]
    : [name];
}

function place(root: Form, path: string[], value: string): void {
  let node = root;
  for (const [depth, raw] of path.entries()) {
    const key = raw === '' ? String(Object.keys(node).length) : raw;
    if (depth === path.length - 1) {
      node[key] = value;
      return;
    }
    const next = node[key];
    if (typeof next === 'object' && !Array.isArray(next)) {
      node = next;
    } else {
      const fresh = Object.create(null) as Form;
      node[key] = fresh;
      node = fresh;
    }
  }
}

function withLists(value: FormValue): FormValue {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  const keys = Object.keys(value);
  if (keys.length > 0 && keys.every((key) => /^\d{1,4}$/.test(key))) {
    const byIndex = keys.toSorted((a, b) => Number(a) - Number(b));
    return byIndex.map((key) => withLists(value[key] ?? ''));
  }
  for (const key of keys) value[key] = withLists(value[key] ?? '');
  return value;
}
