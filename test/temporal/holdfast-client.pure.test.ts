import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ROUTES } from '../../src/api/routes.ts';
import { createHoldfastClient, HoldfastError } from '../../temporal/holdfast-client.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
let close: () => void = () => undefined;
afterEach(() => close());

const BOOKING = {
  resourceId: 'villa',
  startAt: '2027-01-10T14:00:00Z',
  endAt: '2027-01-11T09:00:00Z',
  payment: { kind: 'none' },
} as const;

/** A server that gives these answers in turn, and a client of it. */
async function answering(...answers: Answer[]) {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key'] as string | undefined);
    const answer = answers[Math.min(keys.length, answers.length) - 1]!;
    request.resume().once('end', () => answer(response, request));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const { port } = server.address() as AddressInfo;
  const options = { apiUrl: `http://127.0.0.1:${port}/`, apiKey: 'hf_a_b' };
  return { keys, holdfast: createHoldfastClient(options), options };
}

const cut: Answer = (_, request) => request.socket.destroy();
const ok =
  (body: unknown): Answer =>
  (response) =>
    void response.end(JSON.stringify(body));
const problem =
  (status: number, name: string, retryAfterS?: number): Answer =>
  (response) => {
    if (retryAfterS !== undefined) response.setHeader('retry-after', String(retryAfterS));
    response.statusCode = status;
    const members = {
      type: `/problems/${name}`,
      title: 'Title',
      detail: 'Do this.',
      instance: 'i',
    };
    response.end(JSON.stringify({ ...members, status, nearest: [1] }));
  };

it('a booking whose answer is lost, is under way or cannot be served now is asked again under its key', async () => {
  const { keys, holdfast } = await answering(
    cut,
    problem(409, 'in-progress', 0),
    problem(503, 'unavailable', 0),
    ok({ id: 'b' }),
  );
  expect(await holdfast.bookings.create(BOOKING)).toEqual({ id: 'b' });
  expect(keys).toHaveLength(4);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
});

it('two calls have two keys, and a key given is the one sent', async () => {
  const { keys, holdfast } = await answering(ok({}));
  await holdfast.bookings.create(BOOKING);
  await holdfast.bookings.create(BOOKING);
  await holdfast.bookings.create(BOOKING, { idempotencyKey: 'order-1' });
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe('order-1');
});

it('a refusal is thrown at once, as the problem it is', async () => {
  const { keys, holdfast } = await answering(problem(409, 'not-available'));
  const error = await holdfast.bookings.create(BOOKING).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HoldfastError);
  expect(error).toMatchObject({
    type: 'not-available',
    status: 409,
    detail: 'Do this.',
    instance: 'i',
    more: { nearest: [1] },
  });
  expect(keys).toHaveLength(1);
});

it('repeating ends, with the last refusal', async () => {
  const { keys, options } = await answering(problem(503, 'unavailable', 0));
  const holdfast = createHoldfastClient({ ...options, timeoutMs: 700 });
  await expect(holdfast.resources.list()).rejects.toMatchObject({ type: 'unavailable' });
  expect(keys.length).toBeGreaterThan(1);
  expect(keys.length).toBeLessThanOrEqual(6);
});

it('nobody at the address, and somebody else there, are told apart', async () => {
  const { options } = await answering((response) => response.end('<html>'));
  const wrong = createHoldfastClient(options);
  await expect(wrong.resources.get('a/b')).rejects.toMatchObject({ type: 'no-problem' });
  close();
  const away = createHoldfastClient({ ...options, timeoutMs: 300 });
  await expect(away.resources.list()).rejects.toMatchObject({ type: 'unreachable', status: 0 });
});

it('following a workflow without a Temporal client says what is missing', async () => {
  const { holdfast } = await answering(ok({}));
  const connection = await holdfast.connections.get('c');
  expect(() => holdfast.connections.follow({ ...connection, links: linksOf('c') })).toThrow(
    expect.objectContaining({ type: 'no-temporal' }) as Error,
  );
});

it('there is a verb for every route that takes a key, and none for anything else', async () => {
  const asked: string[] = [];
  const { holdfast } = await answering((response, { method, url }) => {
    asked.push(`${method?.toLowerCase()} ${url?.split('?')[0]}`);
    response.end('{"items":[]}');
  });
  const verbs = Object.values(holdfast as unknown as Record<string, Record<string, Verb>>).flatMap(
    (area) => Object.entries(area).filter(([name]) => name !== 'follow'),
  );
  for (const [, verb] of verbs) await verb('a', 'b');
  const known = ROUTES.filter(({ scopes }) => scopes !== null).map(
    ({ method, path }) => new RegExp(`^${method} ${path.replaceAll(/\{\w+\}/g, '[ab]')}$`),
  );
  expect(asked.filter((one) => !known.some((route) => route.test(one)))).toEqual([]);
  expect(known.filter((route) => !asked.some((one) => route.test(one)))).toEqual([]);
});

type Verb = (...ids: string[]) => Promise<unknown>;
const linksOf = (id: string) => ({
  self: '',
  events: '',
  mirrors: '',
  workflowId: `connection/t/${id}`,
});
