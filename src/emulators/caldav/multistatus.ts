import { STATUS_CODES } from 'node:http';
import { dav } from './names.ts';
import { node } from './xml-write.ts';
import type { XmlNode } from './xml-write.ts';

export function statusNode(status: number): XmlNode {
  return node(dav('status'), [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`]);
}

export function hrefNode(href: string): XmlNode {
  return node(dav('href'), [href]);
}

/** A response that is a status only: a removed member, or one that cannot be had. */
export function statusResponse(href: string, status: number, error?: XmlNode): XmlNode {
  const errors = error === undefined ? [] : [node(dav('error'), [error])];
  return node(dav('response'), [hrefNode(href), statusNode(status), ...errors]);
}

export function propstat(status: number, properties: readonly XmlNode[], error?: XmlNode): XmlNode {
  const errors = error === undefined ? [] : [node(dav('error'), [error])];
  return node(dav('propstat'), [node(dav('prop'), properties), statusNode(status), ...errors]);
}

export function propertyResponse(href: string, propstats: readonly XmlNode[]): XmlNode {
  return node(dav('response'), [hrefNode(href), ...propstats]);
}
