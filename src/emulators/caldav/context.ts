import type { Request, Response } from 'express';
import type { Host } from '../host.ts';
import type { Account, Accounts } from './accounts.ts';
import { pathOf } from './addresses.ts';
import type { Resource } from './addresses.ts';
import type { CalendarStore } from './calendar-store.ts';
import { xmlType } from './errors.ts';
import { dav } from './names.ts';
import type { CaldavSwitches } from './switches.ts';
import { node, writeXml } from './xml-write.ts';
import type { XmlNode, XmlStyle } from './xml-write.ts';

export interface CaldavParts {
  host: Host;
  switches: CaldavSwitches;
  accounts: Accounts;
  store: CalendarStore;
  /** Origin of the second port, where a partition's calendars live. */
  partitionOrigin: () => string;
}

/** One call, with who calls and what its address names. */
export interface Context<R extends Resource = Resource> {
  req: Request;
  res: Response;
  parts: CaldavParts;
  caller: Account;
  resource: R;
}

export type At<K extends Resource['kind']> = Context<Extract<Resource, { kind: K }>>;

export function isAt<K extends Resource['kind']>(context: Context, kind: K): context is At<K> {
  return context.resource.kind === kind;
}

export function originOf(req: Request): string {
  return `${req.protocol}://${req.get('host') ?? 'localhost'}`;
}

/** A resource's address as answers give it. */
export function hrefOf(context: Pick<Context, 'req' | 'parts'>, resource: Resource): string {
  const { switches } = context.parts;
  const path = pathOf(resource, switches);
  const { hostile, hostileAddress, absoluteHrefs } = switches;
  const leadsAway =
    (hostile === 'calendar' && resource.kind === 'calendar') ||
    (hostile === 'member' && resource.kind === 'object');
  if (leadsAway) return new URL(path, hostileAddress).href;
  return absoluteHrefs ? `${originOf(context.req)}${path}` : path;
}

/** A 207 with these responses. Source: RFC 4918 §13. */
export function sendMultistatus(
  { res, parts }: Context,
  responses: readonly XmlNode[],
  more: readonly XmlNode[] = [],
): void {
  const { prolog, description } = extraMarkup(parts.switches);
  const root = node(dav('multistatus'), [...responses, ...more, ...description]);
  const style = parts.switches.xmlStyle as XmlStyle;
  res
    .status(207)
    .type(xmlType)
    .send(writeXml(root, style, prolog));
}

/** Markup that no server should send and that no client should act upon. */
function extraMarkup({ xmlExtra, hostileAddress }: CaldavSwitches) {
  const described = (raw: string) => [node(dav('responsedescription'), [{ raw }])];
  switch (xmlExtra) {
    case 'doctype':
      return { prolog: '<!DOCTYPE multistatus>\n', description: [] };
    case 'externalEntity': {
      const prolog = `<!DOCTYPE multistatus [<!ENTITY x SYSTEM "${hostileAddress}">]>\n`;
      return { prolog, description: described('&x;') };
    }
    case 'entityBomb': {
      const levels = Array.from({ length: 9 }, (_, level) => {
        return `<!ENTITY e${level + 1} "${`&e${level};`.repeat(10)}">`;
      });
      const prolog = `<!DOCTYPE multistatus [<!ENTITY e0 "ha">${levels.join('')}]>\n`;
      return { prolog, description: described('&e9;') };
    }
    default:
      return { prolog: '', description: [] };
  }
}
