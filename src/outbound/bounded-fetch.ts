import { readBody } from './body.ts';

/** As much as any page of a calendar may have; a host that sends more would only fill memory. */
const MOST_BYTES = 32 * 1_024 * 1_024;
const NO_BODY = [204, 205, 304];

/**
 * A `fetch` whose answers have been read whole, of at most `maxBytes` decompressed. Rejects with the
 * `Failure` `outbound-too-large` as soon as there is more.
 */
export const boundedFetch =
  (send: typeof fetch = fetch, maxBytes = MOST_BYTES): typeof fetch =>
  async (...request) => {
    const response = await send(...request);
    if (response.body === null || NO_BODY.includes(response.status)) return response;
    // What `fetch` hands out is decompressed, whatever the headers say of the wire.
    const body = await readBody(response.body, { headers: {}, maxBytes });
    const headers = new Headers(response.headers);
    headers.delete('content-encoding');
    headers.delete('content-length');
    const { status, statusText } = response;
    return new Response(new Uint8Array(body), { status, statusText, headers });
  };
