import type { StoredObject } from './calendar-store.ts';
import { hrefOf, sendMultistatus } from './context.ts';
import type { At } from './context.ts';
import { CaldavError, badRequest, failed } from './errors.ts';
import { statusResponse } from './multistatus.ts';
import { dav } from './names.ts';
import { askedFor } from './propfind.ts';
import { describe } from './properties.ts';
import { invalidSyncToken, openSyncToken, syncToken } from './sync-tokens.ts';
import { childOf } from './xml-read.ts';
import type { XmlElement } from './xml-read.ts';
import { node } from './xml-write.ts';
import type { XmlNode } from './xml-write.ts';

/** Source: RFC 6578 §3. */
export function syncCollection(context: At<'calendar'>, report: XmlElement): void {
  const { parts, resource, req } = context;
  const { store, switches } = parts;
  const { calendar } = resource;
  if (switches.syncCollection === 'notImplemented') throw new CaldavError(501, 'Not implemented.');
  if (switches.syncCollection === 'forbidden') {
    throw failed(403, dav('supported-report'), 'This collection has no sync-collection report.');
  }
  const depth = req.get('depth') ?? '0';
  if (depth !== '0' && switches.syncDepth === 'strict') throw badRequest('Depth must be 0.');
  const token = childOf(report, dav('sync-token'))?.text.trim();
  const prop = childOf(report, dav('prop'));
  if (token === undefined || prop === undefined) throw badRequest('sync-token or prop is missing.');
  checkLevel(report);
  const { latestSeq } = store.view(calendar.id);
  const since = sinceOf(context, token, latestSeq);
  const changed = store
    .changesSince(calendar.id, since.seq)
    .filter(({ ics }) => ics !== null || !since.whole || switches.initialTombstones);
  const page = cut(context, changed, limitOf(report));
  const asked = askedFor(prop.children.map(({ name }) => name));
  const { account } = resource;
  const responses = page.shown.map((object) => {
    const { name, ics } = object;
    if (ics === null)
      return statusResponse(hrefOf(context, { ...resource, kind: 'object', name }), 404);
    const member = { kind: 'object', account, calendar, name, object: { ...object, ics } } as const;
    return describe(member, asked, context);
  });
  if (switches.listsCollection) responses.unshift(describe(resource, asked, context));
  if (page.isCut) responses.push(truncated(hrefOf(context, resource)));
  const seq = page.isCut ? page.shown.at(-1)!.seq : latestSeq;
  sendMultistatus(context, responses, [node(dav('sync-token'), [syncToken(calendar, seq)])]);
}

function checkLevel(report: XmlElement): void {
  const level = childOf(report, dav('sync-level'))?.text.trim();
  if (level !== '1' && level !== 'infinite') throw badRequest('sync-level is 1 or infinite.');
}

type Since = { seq: number; whole: boolean };

function sinceOf({ parts, resource }: At<'calendar'>, token: string, latestSeq: number): Since {
  if (token === '') return { seq: 0, whole: true };
  const opened = openSyncToken(token, resource.calendar, latestSeq);
  if (opened.kind === 'unknown') throw invalidSyncToken(parts.switches);
  if (opened.kind === 'aged') return { seq: 0, whole: true };
  return { seq: opened.seq, whole: false };
}

function limitOf(report: XmlElement): number | undefined {
  const limit = childOf(report, dav('limit'));
  if (limit === undefined) return undefined;
  const text = childOf(limit, dav('nresults'))?.text.trim() ?? '';
  if (!/^[1-9]\d{0,8}$/.test(text)) throw badRequest('nresults is a positive number.');
  return Number(text);
}

type Page = { shown: StoredObject[]; isCut: boolean };

/** Source: RFC 6578 §3.6, §3.7. */
function cut({ parts }: At<'calendar'>, changed: StoredObject[], asked: number | undefined): Page {
  const { nresults, syncPageSize } = parts.switches;
  const own = syncPageSize > 0 ? syncPageSize : Infinity;
  const wanted = nresults === 'ignore' ? Infinity : (asked ?? Infinity);
  if (wanted < Math.min(own, changed.length)) {
    if (nresults === 'truncate') return { shown: changed.slice(0, wanted), isCut: false };
    if (nresults === 'refuse') {
      const name = dav('number-of-matches-within-limits');
      throw failed(507, name, 'There are more changes than asked for.');
    }
  }
  const limit = Math.min(own, wanted);
  return { shown: changed.slice(0, limit), isCut: changed.length > limit };
}

function truncated(href: string): XmlNode {
  return statusResponse(href, 507, node(dav('number-of-matches-within-limits')));
}
