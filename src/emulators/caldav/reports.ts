import { rawBody } from '../exchange.ts';
import { resolveHref } from './addresses.ts';
import { calendarQuery } from './calendar-query.ts';
import { supportedReports } from './calendar-properties.ts';
import { isAt, originOf, sendMultistatus } from './context.ts';
import type { At, Context } from './context.ts';
import { CaldavError, badRequest, failed, notFound } from './errors.ts';
import { freeBusyQuery } from './free-busy.ts';
import { statusResponse } from './multistatus.ts';
import { cal, dav } from './names.ts';
import { askedFor } from './propfind.ts';
import { allProperties, describe } from './properties.ts';
import type { Asked } from './properties.ts';
import { syncCollection } from './sync-report.ts';
import { childOf, readXml } from './xml-read.ts';
import type { XmlElement } from './xml-read.ts';
import type { XmlNode } from './xml-write.ts';

/** Source: RFC 3253 §3.6, RFC 4791 §7, RFC 6578 §3. */
export function report(context: Context): void {
  const { resource, req } = context;
  if (resource.kind === 'unmapped') throw notFound();
  const root = readXml(rawBody(req).toString('utf8'));
  const unsupported = failed(403, dav('supported-report'), 'This report is not supported here.');
  if (!isAt(context, 'calendar')) throw unsupported;
  if (root.name === dav('sync-collection')) return syncCollection(context, root);
  if (!supportedReports(context.parts.switches).includes(root.name)) throw unsupported;
  if (root.name === cal('free-busy-query')) return freeBusyQuery(context, root);
  const asked = readAsked(root);
  if (root.name === cal('calendar-multiget')) return multiget(context, root, asked);
  return calendarQuery(context, root, asked);
}

function readAsked(root: XmlElement): Asked {
  const prop = childOf(root, dav('prop'));
  if (prop === undefined) return { ...allProperties, data: true };
  const data = childOf(prop, cal('calendar-data'));
  if (data !== undefined && data.children.length > 0) {
    throw new CaldavError(501, 'This emulator gives calendar data whole, not expanded or in part.');
  }
  return askedFor(
    prop.children.map(({ name }) => name),
    true,
  );
}

/** Source: RFC 4791 §7.9. */
function multiget(context: At<'calendar'>, root: XmlElement, asked: Asked): void {
  const every = context.parts.switches.multigetDropsEvery;
  const hrefs = root.children
    .filter(({ name }) => name === dav('href'))
    .map(({ text }) => text.trim());
  if (hrefs.length === 0) throw badRequest('A multiget names at least one href.');
  const answered = every > 0 ? hrefs.filter((_, index) => (index + 1) % every !== 0) : hrefs;
  sendMultistatus(
    context,
    answered.map((href) => oneOf(context, href, asked)),
  );
}

function oneOf(context: At<'calendar'>, href: string, asked: Asked): XmlNode {
  const { req, parts, resource } = context;
  try {
    const named = resolveHref(href, originOf(req) + req.originalUrl, parts);
    const here = named.kind === 'object' && named.calendar.id === resource.calendar.id;
    return here && named.object !== undefined
      ? describe(named, asked, context)
      : statusResponse(href, 404);
  } catch (error) {
    if (error instanceof CaldavError) return statusResponse(href, 404);
    throw error;
  }
}
