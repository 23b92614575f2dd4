import type { davRequest } from 'tsdav';
import { refused, send } from './dav.ts';
import type { Dav, DavAnswer } from './dav.ts';
import { readXml } from './xml.ts';

type DavFetch = NonNullable<Parameters<typeof davRequest>[0]['fetch']>;

/** What tsdav gets in place of `fetch`, and where its last answer came from. */
export interface Transport {
  fetch: DavFetch;
  last(): DavAnswer;
}

/**
 * Leads tsdav's requests through the outbound guard, and judges the raw answer before tsdav parses
 * it. Refusals of XML requests are thrown from here as `Failure`, because tsdav would put the
 * server's text into an `Error`, or take a broken document for an empty one.
 */
export function transportOf(dav: Dav): Transport {
  let last: DavAnswer | undefined;
  const guarded = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const method = init?.method ?? 'GET';
    const headers = Object.fromEntries(new Headers(init?.headers).entries());
    const body = typeof init?.body === 'string' ? { body: init.body } : {};
    last = await send(dav, { method, url: new URL(String(input)), headers, ...body });
    const wantsXml = method === 'PROPFIND' || method === 'REPORT';
    if (wantsXml && last.status !== 207) throw refused(dav, last);
    // tsdav's parser takes minutes over what is not well-formed.
    if (wantsXml) readXml(last.text);
    // tsdav reads only what is declared as XML; some servers forget to declare it.
    const declared = wantsXml ? { 'content-type': 'application/xml' } : {};
    return new Response(bodyOf(last), {
      status: last.status,
      headers: { ...last.headers, ...declared },
    });
  };
  return { fetch: guarded as DavFetch, last: () => last! };
}

/** These statuses have no body, and `Response` insists. */
const bodyOf = ({ status, text }: DavAnswer): string | null =>
  [101, 204, 205, 304].includes(status) ? null : text;
