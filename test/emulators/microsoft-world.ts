import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { startEmulators } from '../../src/emulators/server.ts';
import { callJson } from './google-world.ts';
import type { Call, Reply } from './google-world.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- Answers of a foreign protocol, read by hand.
export type Json = Record<string, any>;

export const owner = 'host@contoso.example';
export const room = 'AAMkRoom1=';
export const roomPath = `/me/calendars/${encodeURIComponent(room)}`;
export const controlRoom = `/microsoft/calendars/${encodeURIComponent(room)}`;
export const immutable = { prefer: 'IdType="ImmutableId"' };

export interface MicrosoftWorld {
  url: string;
  control(path: string, call?: Call): Promise<Json>;
  switches(values: Record<string, unknown>): Promise<void>;
  /** Calls Graph v1.0 with the owner's access token; a whole link is followed as it is. */
  api(pathOrLink: string, call?: Call): Promise<Reply>;
  refreshToken: string;
  calendarId: string;
  close(): Promise<void>;
}

export async function tokenCall(url: string, form: Record<string, string>): Promise<Reply> {
  const response = await fetch(`${url}/microsoft/common/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'client', ...form }),
  });
  const { status, headers } = response;
  return { status, headers, body: (await response.json()) as Json };
}

/** A running emulator with one account that has a default calendar and a room, and a token for it. */
export async function microsoftWorld(stateDir?: string): Promise<MicrosoftWorld> {
  const emulators = await startEmulators({ stateDir });
  onTestFinished(() => emulators.close());
  const { url } = emulators;
  const control = async (path: string, call?: Call) =>
    (await callJson(`${url}/control${path}`, call)).body;
  const account = await control(`/microsoft/accounts/${owner}`, { method: 'PUT', body: {} });
  await control(controlRoom, { method: 'PUT', body: { account: owner, name: 'Room 1' } });
  const refreshToken = account['refreshToken'] as string;
  const token = await tokenCall(url, { grant_type: 'refresh_token', refresh_token: refreshToken });
  const authorization = `Bearer ${token.body['access_token'] as string}`;
  return {
    url,
    control,
    switches: async (values) => {
      const body = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [`microsoft.${name}`, value]),
      );
      const answer = await control('/switches', { method: 'PUT', body });
      if (answer['error'] !== undefined) throw new Error(answer['error'] as string);
    },
    api: (pathOrLink, call = {}) =>
      callJson(pathOrLink.startsWith('http') ? pathOrLink : `${url}/v1.0${pathOrLink}`, {
        ...call,
        headers: { authorization, ...call.headers },
      }),
    refreshToken,
    calendarId: account['calendarId'] as string,
    close: () => emulators.close(),
  };
}

/** An hour at ten on a day, by a clock in Paris. */
export function timed(day: string, more: Json = {}): Json {
  const timeZone = 'Romance Standard Time';
  const at = (hour: string) => ({ dateTime: `${day}T${hour}:00:00`, timeZone });
  return { subject: 'Meet', start: at('10'), end: at('11'), ...more };
}

export function daily(startDate: string, numberOfOccurrences: number): Json {
  return {
    pattern: { type: 'daily', interval: 1 },
    range: { type: 'numbered', startDate, numberOfOccurrences },
  };
}

interface Round {
  pages: Json[][];
  items: Json[];
  deltaLink: string;
}

export const december = 'startDateTime=2026-12-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z';

/** Reads a delta round to its end. */
export async function readRound(
  world: MicrosoftWorld,
  from = `${roomPath}/calendarView/delta?${december}`,
  prefer = 'odata.maxpagesize=3, IdType="ImmutableId"',
): Promise<Round> {
  const pages: Json[][] = [];
  let link = from;
  for (;;) {
    const { body, status } = await world.api(link, { headers: { prefer } });
    if (status !== 200) throw new Error(`delta answered ${status} ${JSON.stringify(body)}`);
    pages.push(body['value'] as Json[]);
    if (body['@odata.nextLink'] === undefined) {
      return { pages, items: pages.flat(), deltaLink: body['@odata.deltaLink'] as string };
    }
    link = body['@odata.nextLink'] as string;
    if (pages.length > 200) throw new Error('the round does not end');
  }
}

export interface GraphReceiver {
  url: string;
  /** Bodies of POSTs that were not handshakes. */
  received: { path: string; body: Json }[];
  handshakes: string[];
  /** Answers to the next notifications; 202 when empty. */
  statuses: number[];
  echo: (token: string) => { status?: number; type?: string; body?: string; delayMs?: number };
  until(count: number): Promise<void>;
}

/** Takes in notifications and echoes validation tokens, as a service behind a public address would. */
export async function startGraphReceiver(): Promise<GraphReceiver> {
  const receiver: GraphReceiver = {
    url: '',
    received: [],
    handshakes: [],
    statuses: [],
    echo: (token) => ({ body: token }),
    async until(count) {
      const deadline = Date.now() + 5000;
      while (receiver.received.length < count) {
        if (Date.now() > deadline) throw new Error(`only ${receiver.received.length} of ${count}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const { pathname, searchParams } = new URL(req.url ?? '/', 'http://receiver');
      const token = searchParams.get('validationToken');
      if (token === null) {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Json;
        receiver.received.push({ path: pathname, body });
        return res.writeHead(receiver.statuses.shift() ?? 202).end();
      }
      receiver.handshakes.push(pathname);
      const { status = 200, type = 'text/plain', body = token, delayMs = 0 } = receiver.echo(token);
      setTimeout(() => res.writeHead(status, { 'content-type': type }).end(body), delayMs);
      return undefined;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}
