import { badRequest } from './errors.ts';

type Mask = Map<string, Mask | undefined>;

/**
 * Partial answers: `fields=items(id,start/dateTime),nextPageToken`.
 * Source: Calendar guide "Improve performance", section Partial response.
 */
export function selectFields(value: unknown, fields: string): unknown {
  const reader = { text: fields, at: 0 };
  const mask = readMask(reader);
  if (reader.at !== fields.length) throw wrong(fields);
  return applyMask(value, mask);
}

function wrong(fields: string): Error {
  return badRequest('invalidParameter', `Invalid field selection ${fields}`, 'fields');
}

function readMask(reader: { text: string; at: number }): Mask {
  const mask: Mask = new Map();
  for (;;) {
    const path = readName(reader);
    const below = reader.text[reader.at] === '(' ? readGroup(reader) : undefined;
    addPath(mask, path.split('/'), below);
    if (reader.text[reader.at] !== ',') return mask;
    reader.at += 1;
  }
}

function readName(reader: { text: string; at: number }): string {
  const [name] = /^[A-Za-z0-9_*/-]*/.exec(reader.text.slice(reader.at))!;
  if (name === '') throw wrong(reader.text);
  reader.at += name.length;
  return name;
}

function readGroup(reader: { text: string; at: number }): Mask {
  reader.at += 1;
  const mask = readMask(reader);
  if (reader.text[reader.at] !== ')') throw wrong(reader.text);
  reader.at += 1;
  return mask;
}

function addPath(mask: Mask, [head, ...tail]: string[], below: Mask | undefined): void {
  if (head === undefined) return;
  if (tail.length === 0) {
    mask.set(head, below);
    return;
  }
  const deeper = mask.get(head) ?? new Map<string, Mask | undefined>();
  mask.set(head, deeper);
  addPath(deeper, tail, below);
}

function applyMask(value: unknown, mask: Mask): unknown {
  if (Array.isArray(value)) return value.map((each) => applyMask(each, mask));
  if (typeof value !== 'object' || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (!mask.has(name) && !mask.has('*')) continue;
    const below = mask.get(name) ?? mask.get('*');
    kept[name] = below === undefined ? member : applyMask(member, below);
  }
  return kept;
}
