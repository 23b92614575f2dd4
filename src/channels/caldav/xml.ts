import { Failure } from '../../domain/failure.ts';

/** An element of an answer; names are without prefix, `space` is the namespace they belong to. */
export interface XmlElement {
  space: string;
  name: string;
  /** By local name; namespace declarations are left out. */
  attributes: Record<string, string>;
  children: XmlElement[];
  /** All character data directly inside, entities resolved. */
  text: string;
}

export const DAV = 'DAV:';
export const CALDAV = 'urn:ietf:params:xml:ns:caldav';
export const CALENDAR_SERVER = 'http://calendarserver.org/ns/';

const DEEPEST = 64;

/**
 * Reads an XML document (XML 1.0 with namespaces) and keeps every value as it was written: tokens
 * and etags are opaque. A document type is refused, so no entity of a server's own is ever resolved.
 * Takes time in proportion to the length, whatever the text is. Throws `invalid`: `xml-with-dtd`, or
 * `bad-xml` when it is cut off or not well-formed; names are taken in ASCII only.
 */
export function readXml(text: string): XmlElement {
  refuseDtd(text);
  const root: XmlElement = { space: '', name: '', attributes: {}, children: [], text: '' };
  const spaces: Spaces = { own: new Map([['xml', 'xml']]), outer: null };
  const open: Open[] = [{ element: root, tag: '', spaces }];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length) {
    const start = text.indexOf('<', at);
    const data = start < 0 ? text.slice(at) : text.slice(at, start);
    if (data !== '') open.at(-1)!.element.text += resolved(data);
    if (start < 0) break;
    at = readMarkup(text, start, open);
  }
  const document = root.children[0];
  if (open.length !== 1 || root.children.length !== 1 || !document || root.text.trim() !== '')
    throw badXml();
  return document;
}

interface Open {
  element: XmlElement;
  /** As written, prefix included: the end tag must say the same. */
  tag: string;
  spaces: Spaces;
}

/** Namespaces by prefix. Never copied: an answer may declare very many, and on every element. */
interface Spaces {
  own: Map<string, string>;
  outer: Spaces | null;
}

function spaceOf(spaces: Spaces, prefix: string): string {
  for (let at: Spaces | null = spaces; at !== null; at = at.outer) {
    const space = at.own.get(prefix);
    if (space !== undefined) return space;
  }
  return '';
}

/** Reads what begins with `<` at `start`; answers with where it ends. */
function readMarkup(text: string, start: number, open: Open[]): number {
  const next = text[start + 1];
  if (next === '?') return after(text, '?>', start);
  if (next === '!') {
    if (text.startsWith('<!--', start)) return afterComment(text, start);
    if (!text.startsWith('<![CDATA[', start) || open.length === 1) throw badXml();
    const end = after(text, ']]>', start);
    open.at(-1)!.element.text += text.slice(start + 9, end - 3);
    return end;
  }
  if (next === '/') {
    const end = after(text, '>', start);
    const closed = open.length > 1 ? open.pop() : undefined;
    if (closed?.tag !== text.slice(start + 2, end - 1).trim()) throw badXml();
    return end;
  }
  return readStart(text, start, open);
}

const START = /<([a-z_][\w:.-]*)((?:\s+[a-z_][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/iy;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

function readStart(text: string, start: number, open: Open[]): number {
  START.lastIndex = start;
  const match = START.exec(text);
  if (!match || open.length > DEEPEST) throw badXml();
  const [, tag = '', written = '', slash] = match;
  const parent = open.at(-1)!;
  const attributes: Record<string, string> = {};
  let { spaces } = parent;
  for (const [, name = '', double, single] of attributesIn(written)) {
    const value = resolved(double ?? single ?? '');
    const [prefix, local] = splitName(name);
    if (name !== 'xmlns' && prefix !== 'xmlns') attributes[local] = value;
    else {
      if (spaces === parent.spaces) spaces = { own: new Map(), outer: parent.spaces };
      spaces.own.set(prefix === '' ? '' : local, value);
    }
  }
  const [prefix, name] = splitName(tag);
  const space = spaceOf(spaces, prefix);
  const element: XmlElement = { space, name, attributes, children: [], text: '' };
  parent.element.children.push(element);
  if (slash === '') open.push({ element, tag, spaces });
  return START.lastIndex;
}

/** Most elements have none, and are many. */
const attributesIn = (written: string): Iterable<RegExpMatchArray> =>
  written === '' ? [] : written.matchAll(ATTRIBUTE);

function splitName(name: string): [prefix: string, local: string] {
  const colon = name.indexOf(':');
  return colon < 0 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)];
}

/** Where a document type can stand at all: between comments and instructions before the root. */
const PROLOG = /^\uFEFF?(?:\s+|<\?[\s\S]*?\?>|<!--[\s\S]*?-->)*/;

/** Runs on the raw answer, before any reader of XML sees it. */
export function refuseDtd(text: string): void {
  const prolog = PROLOG.exec(text)?.[0].length ?? 0;
  if (text.startsWith('<!', prolog)) throw new Failure({ kind: 'invalid', code: 'xml-with-dtd' });
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
};

const resolved = (data: string): string =>
  data.includes('&') ? data.replace(/&([^&;]{1,10};)?/g, entity) : data;

function entity(_: string, reference = ''): string {
  const [, hex, decimal] = /^#(?:x([\da-f]+)|(\d+));$/i.exec(reference) ?? [];
  if (hex === undefined && decimal === undefined) return named(reference.slice(0, -1));
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  if (code > 0x10ffff) throw badXml();
  return String.fromCodePoint(code);
}

function named(name: string): string {
  const character = Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
  if (character === undefined) throw badXml();
  return character;
}

/** XML 1.0 §2.5: two hyphens end a comment. */
function afterComment(text: string, start: number): number {
  const end = after(text, '--', start + 4);
  if (text[end] !== '>') throw badXml();
  return end + 1;
}

function after(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  if (at < 0) throw badXml();
  return at + what.length;
}

const badXml = (): Failure => new Failure({ kind: 'invalid', code: 'bad-xml' });

export const childOf = (
  element: XmlElement | undefined,
  name: string,
  space = DAV,
): XmlElement | undefined =>
  element?.children.find((child) => child.name === name && child.space === space);

export const childrenOf = (
  element: XmlElement | undefined,
  name: string,
  space = DAV,
): XmlElement[] =>
  element?.children.filter((child) => child.name === name && child.space === space) ?? [];
