import { badRequest } from './errors.ts';

/** An element with its names resolved: `{namespace}local`, the same for attributes that have one. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  /** Character data directly inside, joined. */
  text: string;
}

type Namespaces = Readonly<Record<string, string>>;
interface Open {
  element: XmlElement;
  tag: string;
  namespaces: Namespaces;
}

const depthLimit = 64;
const nameShape = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/;
const token =
  /<!--([\s\S]*?)-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<!|<\/([^\s>]+)\s*>|<([^\s/>]+)((?:\s+[^\s=>]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)|</g;

/**
 * The root of a document. A document type declaration, an unknown entity, an unbound prefix or
 * markup that is not well formed is a 400. Source: XML 1.0, Namespaces in XML 1.0, RFC 4918 §17.
 */
export function readXml(source: string): XmlElement {
  const open: Open[] = [];
  let root: XmlElement | undefined;
  for (const match of source.replace(/^\uFEFF/, '').matchAll(token)) {
    const [whole, , cdata, closing, opening, attributes, selfClosing, text] = match;
    if (opening !== undefined) {
      const parent = open.at(-1);
      if (parent === undefined && root !== undefined) throw badRequest('Two root elements.');
      if (open.length >= depthLimit) throw badRequest('The document is nested too deeply.');
      const next = openElement(opening, attributes ?? '', parent?.namespaces ?? rootNamespaces);
      if (parent === undefined) root = next.element;
      else parent.element.children.push(next.element);
      if (selfClosing === '') open.push(next);
    } else if (closing !== undefined) {
      if (open.pop()?.tag !== closing) throw badRequest('An end tag has no start tag.');
    } else if (text !== undefined || cdata !== undefined) {
      addText(open.at(-1), cdata ?? decoded(text!));
    } else if (whole === '<!') {
      throw badRequest('Document type declarations are not accepted.');
    } else if (whole === '<') {
      throw badRequest('The document is not well formed.');
    }
  }
  if (root === undefined || open.length > 0) throw badRequest('The document ends too early.');
  return root;
}

const rootNamespaces: Namespaces = { '': '', xml: 'http://www.w3.org/XML/1998/namespace' };

function addText(parent: Open | undefined, text: string): void {
  if (parent !== undefined) parent.element.text += text;
  else if (text.trim() !== '') throw badRequest('There is text outside of the root element.');
}

function openElement(tag: string, attributeText: string, outer: Namespaces): Open {
  const given: [string, string][] = [];
  for (const [, name, double, single] of attributeText.matchAll(
    /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g,
  )) {
    if (given.some(([other]) => other === name)) throw badRequest('An attribute is given twice.');
    given.push([name!, decoded(double ?? single!)]);
  }
  const declared = given.filter(([name]) => /^xmlns(:|$)/.test(name));
  const namespaces =
    declared.length === 0
      ? outer
      : { ...outer, ...Object.fromEntries(declared.map(([n, uri]) => [n.slice(6), uri])) };
  const plain = given.filter(([name]) => !/^xmlns(:|$)/.test(name));
  const attributes = Object.fromEntries(
    plain.map(([name, value]) => [name.includes(':') ? resolved(name, namespaces) : name, value]),
  );
  const name = resolved(tag, namespaces);
  return { element: { name, attributes, children: [], text: '' }, tag, namespaces };
}

function resolved(name: string, namespaces: Namespaces): string {
  if (!nameShape.test(name)) throw badRequest('A name is not well formed.');
  const colon = name.indexOf(':');
  const prefix = colon === -1 ? '' : name.slice(0, colon);
  const uri = Object.hasOwn(namespaces, prefix) ? namespaces[prefix] : undefined;
  if (uri === undefined) throw badRequest('A namespace prefix is not declared.');
  return `{${uri}}${name.slice(colon + 1)}`;
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decoded(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#x([\da-fA-F]{1,6})|#(\d{1,7})|(\w+));|&/g, (whole, ...found) => {
    const [hex, decimal, name] = found as (string | undefined)[];
    if (name !== undefined && Object.hasOwn(entities, name)) return entities[name]!;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    if (whole === '&' || !(code > 0 && code <= 0x10ffff)) throw badRequest('An unknown entity.');
    return String.fromCodePoint(code);
  });
}

/** The first child of this name. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}
