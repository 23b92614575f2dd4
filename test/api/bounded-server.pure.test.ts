import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { ServerBounds } from '../../src/api/bounded-server.ts';
import { boundedServer } from '../../src/api/bounded-server.ts';

let server: Server;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function open(bounds: ServerBounds): Promise<void> {
  server = boundedServer((request, response) => {
    request.resume().on('end', () => response.end('done'));
  }, bounds);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

/** Sends the text and answers all that came until the other side ended. */
function say(text: string): { socket: Socket; answer: Promise<string> } {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  let heard = '';
  socket.on('data', (bytes) => (heard += bytes.toString()));
  const answer = new Promise<string>((resolve) => {
    socket.on('error', () => resolve(heard)).on('close', () => resolve(heard));
  });
  socket.write(text);
  return { socket, answer };
}

test('who does not finish the head of a request is answered 408 and cut off', async () => {
  await open({ connections: 10, headMs: 100, requestMs: 200 });
  expect(await say('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ').answer).toContain('408');
});

test('who does not finish the body is answered 408 and cut off', async () => {
  await open({ connections: 10, headMs: 100, requestMs: 200 });
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this';
  expect(await say(head).answer).toContain('408');
});

test('where nothing moves either way the connection is closed', async () => {
  await open({ connections: 10, silentMs: 100 });
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this';
  expect(await say(head).answer).toBe('');
});

test('beyond the number of connections a further one is closed, and those that are open are served', async () => {
  await open({ connections: 2 });
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const [one, two] = [say(request), say(request)];
  await Promise.all([one, two].map(({ socket }) => new Promise((had) => socket.once('data', had))));
  expect(await say(request).answer).toBe('');
  one.socket.write(request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  expect((await one.answer).match(/200 OK/g)).toHaveLength(2);
});
