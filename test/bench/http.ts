import { Pool } from 'undici';

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A caller with connections kept open, as a backend service has them. */
export interface Http {
  /** @throws when the status is not the one expected: a measurement of refusals is none. */
  ask<T>(call: Call, expected: number): Promise<T>;
  /** Any status will do. */
  send(call: Call): Promise<{ status: number; text: string; retryAfterMs: number | null }>;
  close(): Promise<void>;
}

export function openHttp(url: string, options: { connections: number }): Http {
  const pool = new Pool(url, {
    connections: options.connections,
    bodyTimeout: 60_000,
    // Of many who come at once the last is let in late: that counts as his wait.
    connectTimeout: 60_000,
  });
  const send: Http['send'] = async ({ method = 'GET', path, headers, body }) => {
    const response = await pool.request({
      method,
      path,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const retryAfter = response.headers['retry-after'];
    return {
      status: response.statusCode,
      text: await response.body.text(),
      retryAfterMs: retryAfter === undefined ? null : Number(retryAfter) * 1_000,
    };
  };
  return {
    send,
    async ask<T>(call: Call, expected: number) {
      const { status, text } = await send(call);
      if (status !== expected)
        throw new Error(`${call.path} answered ${status}: ${text.slice(0, 500)}`);
      return (text === '' ? null : JSON.parse(text)) as T;
    },
    close: () => pool.close(),
  };
}
