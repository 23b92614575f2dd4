import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { startEmulators } from '../../src/emulators/server.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- Answers of a foreign protocol, read by hand.
type Json = Record<string, any>;

export interface Reply {
  status: number;
  headers: Headers;
  body: Json;
}

export interface Call {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface GoogleWorld {
  url: string;
  control(path: string, call?: Call): Promise<Json>;
  /** Calls Calendar v3 with the owner's access token. */
  api(path: string, call?: Call): Promise<Reply>;
  accessToken: string;
  refreshToken: string;
  close(): Promise<void>;
}

export const owner = 'host@example.com';
export const room = 'c_room1@group.calendar.google.com';
export const events = `/calendars/${encodeURIComponent(room)}/events`;
export const controlEvents = `/google/calendars/${encodeURIComponent(room)}/events`;

export async function callJson(url: string, call: Call = {}): Promise<Reply> {
  const response = await fetch(url, {
    method: call.method ?? (call.body === undefined ? 'GET' : 'POST'),
    headers: { 'content-type': 'application/json', ...call.headers },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? (JSON.parse(text) as Json) : {},
  };
}

export async function exchangeToken(url: string, form: Record<string, string>): Promise<Reply> {
  const response = await fetch(`${url}/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'client', client_secret: 'secret', ...form }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Json,
  };
}

/** A running emulator with one account, one shared room calendar in Paris, and a token for it. */
export async function googleWorld(stateDir?: string): Promise<GoogleWorld> {
  const emulators = await startEmulators({ stateDir });
  onTestFinished(() => emulators.close());
  const { url } = emulators;
  const control = async (path: string, call?: Call) =>
    (await callJson(`${url}/control${path}`, call)).body;
  const account = await control(`/google/accounts/${owner}`, { method: 'PUT', body: {} });
  const refreshToken = account['refreshToken'] as string;
  await control(`/google/calendars/${encodeURIComponent(room)}`, {
    method: 'PUT',
    body: { owner, summary: 'Room 1', timeZone: 'Europe/Paris' },
  });
  const token = await exchangeToken(url, {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
  });
  const accessToken = token.body['access_token'] as string;
  const api = (path: string, call: Call = {}) =>
    callJson(`${url}/calendar/v3${path}`, {
      ...call,
      headers: { authorization: `Bearer ${accessToken}`, ...call.headers },
    });
  return { url, control, api, accessToken, refreshToken, close: () => emulators.close() };
}

export function timed(day: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const at = (hour: string) => ({
    dateTime: `${day}T${hour}:00:00+01:00`,
    timeZone: 'Europe/Paris',
  });
  return { summary: 'Meet', start: at('10'), end: at('11'), ...more };
}

/** Reads a list to its end; gives the items of each page and the sync token. */
export async function listAll(
  world: GoogleWorld,
  query: Record<string, string> = {},
): Promise<{ pages: Json[][]; items: Json[]; syncToken: string }> {
  const pages: Json[][] = [];
  let pageToken: string | undefined;
  for (;;) {
    const search = new URLSearchParams({ ...query, ...(pageToken ? { pageToken } : {}) });
    const { body, status } = await world.api(`${events}?${search.toString()}`);
    if (status !== 200) throw new Error(`list answered ${status} ${JSON.stringify(body)}`);
    pages.push(body['items'] as Json[]);
    if (body['nextPageToken'] === undefined) {
      return { pages, items: pages.flat(), syncToken: body['nextSyncToken'] as string };
    }
    pageToken = body['nextPageToken'] as string;
  }
}

export interface Receiver {
  address: string;
  received: { at: number; headers: http.IncomingHttpHeaders; body: string }[];
  /** Status of the next answers; 204 when empty. */
  statuses: number[];
  /** How long each answer takes, by path. */
  delays: Map<string, number>;
  until(count: number): Promise<void>;
}

/** Takes in notifications, as a service behind a public address would. */
export async function startReceiver(): Promise<Receiver> {
  const received: Receiver['received'] = [];
  const statuses: number[] = [];
  const delays = new Map<string, number>();
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      received.push({
        at: Date.now(),
        headers: req.headers,
        body: Buffer.concat(chunks).toString(),
      });
      res.statusCode = statuses.shift() ?? 204;
      setTimeout(() => res.end(), delays.get(req.url ?? '') ?? 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    received,
    statuses,
    delays,
    async until(count) {
      const deadline = Date.now() + 5000;
      while (received.length < count) {
        if (Date.now() > deadline) throw new Error(`only ${received.length} of ${count} arrived`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}
