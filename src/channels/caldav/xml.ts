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
 * Throws `invalid`: `xml-with-dtd`, or `bad-xml` when it is cut off or not well-formed.
 */
export function readXml(text: string): XmlElement {
  refuseDtd(text);
  const root: XmlElement = { space: '', name: '', attributes: {}, children: [], text: '' };
  const open: Open[] = [{ element: root, tag: '', spaces: new Map([['xml', 'xml']]) }];
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
  spaces: ReadonlyMap<string, string>;
}

/** Reads what begins with `<` at `start`; answers with where it ends. */
function readMarkup(text: string, start: number, open: Open[]): number {
  const next = text[start + 1];
  if (next === '?') return after(text, '?>', start);
  if (next === '!') {
    if (text.startsWith('<!--', start)) return after(text, '-->', start + 4);
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

const START = /<([^\s/>=<]+)((?:\s+[^\s/>=<]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

function readStart(text: string, start: number, open: Open[]): number {
  START.lastIndex = start;
  const match = START.exec(text);
  if (!match || open.length > DEEPEST) throw badXml();
  const [, tag = '', written = '', slash] = match;
  const parent = open.at(-1)!;
  const attributes: Record<string, string> = {};
  let spaces = parent.spaces;
  for (const [, name = '', double, single] of written.matchAll(ATTRIBUTE)) {
    const value = resolved(double ?? single ?? '');
    const [prefix, local] = splitName(name);
    if (name !== 'xmlns' && prefix !== 'xmlns') attributes[local] = value;
    else spaces = new Map(spaces).set(prefix === '' ? '' : local, value);
  }
  const [prefix, name] = splitName(tag);
  const space = spaces.get(prefix) ?? '';
  const element: XmlElement = { space, name, attributes, children: [], text: '' };
  parent.element.children.push(element);
  if (slash === '') open.push({ element, tag, spaces });
  return START.lastIndex;
}

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
  data.includes('&') ? data.replace(/&(#x[\da-f]{1,6}|#\d{1,7}|\w+);/gi, entity) : data;

function entity(whole: string, name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
  const hex = name[1] === 'x' || name[1] === 'X';
  const code = hex ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
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
