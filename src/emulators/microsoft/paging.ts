import type { Request } from 'express';
import type { MicrosoftSwitches } from './switches.ts';

/** Where this emulator's Graph answers: links in its answers lead back to it. */
export function graphUrl(req: Request, pathAndQuery: string): string {
  return `${req.protocol}://${req.get('host') ?? 'localhost'}/v1.0${pathAndQuery}`;
}

/** Ten a page, as Outlook's collections have it, up to a thousand. */
export function pageSize(asked: number | undefined, switches: MicrosoftSwitches): number {
  const size = Math.min(asked ?? 10, 1000);
  return switches.pages === 'short' ? Math.max(1, Math.ceil(size / 3)) : size;
}

interface Listing<T> {
  items: readonly T[];
  top: number;
  skip: number;
}

/** A collection's page, with `@odata.nextLink` where more follows. */
export function collectionPage<T>(req: Request, { items, top, skip }: Listing<T>, view: View<T>) {
  const until = skip + top;
  const path = req.originalUrl.split('?', 1)[0]!.replace(/^\/v1\.0/, '');
  const query = new URLSearchParams(req.query as Record<string, string>);
  query.set('$skip', String(until));
  const link = { '@odata.nextLink': graphUrl(req, `${path}?${query.toString()}`) };
  return {
    '@odata.context': graphUrl(req, '/$metadata#Collection'),
    ...(req.query['$count'] === 'true' ? { '@odata.count': items.length } : {}),
    ...(until < items.length ? link : {}),
    value: items.slice(skip, until).map(view),
  };
}

type View<T> = (item: T) => unknown;
