import { APPLE, CALDAV, CALENDAR_SERVER, DAV, splitName } from './names.ts';

export type XmlChild = XmlNode | string | { cdata: string } | { raw: string };

export interface XmlNode {
  name: string;
  children: readonly XmlChild[];
  attributes: Readonly<Record<string, string>>;
}

export function node(
  name: string,
  children: readonly XmlChild[] = [],
  attributes: Readonly<Record<string, string>> = {},
): XmlNode {
  return { name, children, attributes };
}

/** `prefixed` declares four prefixes at the root; `inline` declares a namespace where it changes, as iCloud. */
export type XmlStyle = 'prefixed' | 'inline';

const prefixes: Readonly<Record<string, string>> = {
  [DAV]: 'D',
  [CALDAV]: 'C',
  [CALENDAR_SERVER]: 'CS',
  [APPLE]: 'A',
};

/** A whole document; `prolog` comes between the declaration and the root. */
export function writeXml(root: XmlNode, style: XmlStyle, prolog = ''): string {
  const parts = [`<?xml version="1.0" encoding="UTF-8"?>\n`, prolog];
  if (style === 'inline') writeInline(root, undefined, parts);
  else {
    const declarations = Object.entries(prefixes).map(([uri, prefix]) => [`xmlns:${prefix}`, uri]);
    const attributes = { ...Object.fromEntries(declarations), ...root.attributes };
    writePrefixed({ ...root, attributes }, parts);
  }
  return parts.join('');
}

function writePrefixed(element: XmlNode, parts: string[]): void {
  const { namespace, local } = splitName(element.name);
  const prefix = prefixes[namespace];
  const tag = prefix === undefined ? local : `${prefix}:${local}`;
  parts.push('<', tag);
  if (prefix === undefined) parts.push(` xmlns="${escapeXml(namespace)}"`);
  writeRest(element, tag, parts, writePrefixed);
}

function writeInline(element: XmlNode, outer: string | undefined, parts: string[]): void {
  const { namespace, local } = splitName(element.name);
  parts.push('<', local);
  if (namespace !== outer) parts.push(` xmlns="${escapeXml(namespace)}"`);
  writeRest(element, local, parts, (child) => writeInline(child, namespace, parts));
}

// oxlint-disable-next-line max-params -- Called once for each element of answers with 10,000 members.
function writeRest(
  { attributes, children }: XmlNode,
  tag: string,
  parts: string[],
  write: (child: XmlNode, parts: string[]) => void,
): void {
  for (const name in attributes) parts.push(` ${name}="${escapeXml(attributes[name]!)}"`);
  if (children.length === 0) return void parts.push('/>');
  parts.push('>');
  for (const child of children) {
    if (typeof child === 'string') parts.push(escapeXml(child));
    else if ('raw' in child) parts.push(child.raw);
    else if ('cdata' in child) parts.push(cdata(child.cdata));
    else write(child, parts);
  }
  parts.push('</', tag, '>');
}

function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

function escapeXml(text: string): string {
  return /[&<>"\r]/.test(text) ? text.replaceAll(/[&<>"\r]/g, (found) => escapes[found]!) : text;
}
